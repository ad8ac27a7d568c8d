//! The one dict of weights in what a pickle holds, whatever it is called and whatever lies beside it.

use std::collections::{BTreeMap, HashSet};

use super::container::{PassedOver, TENSORS_MAX};
use super::modules;
use super::pickle::{Heap, Id, TensorInfo, Value};
use super::tensor::quote;
use crate::error::{Error, Result};

/// The tensors of a network, in the order of their dict, and what was passed over.
pub(super) struct StateDict<'a> {
    /// Names, and views still without their storages.
    pub(super) tensors: Vec<(String, TensorInfo<'a>)>,
    pub(super) passed_over: Vec<PassedOver>,
}

/// Word for `--key` that means the outermost dict.
const TOP: &str = ".";

/// Finds the dict of weights; `key` says where, as in `ema` or `state.net`, if there are several.
///
/// # Errors
/// [`crate::error::Kind::Input`] if there is none, or more than one and no key; or if one of its tensors cannot be read.
pub(super) fn find<'a>(heap: &Heap<'a>, root: Id, key: Option<&str>) -> Result<StateDict<'a>> {
    let mut search = Search { heap, places: vec![Place { id: root, parent: 0, name: Name::Top }], found: Vec::new() };
    let start = match key {
        None | Some(TOP) => 0,
        Some(key) => search.follow(0, key).ok_or_else(|| search.no_such_key(key))?,
    };
    let chosen = if key.is_some() && search.rank(start).is_some() {
        start
    } else {
        search.run(start);
        search.choose(start)?
    };
    let entries = search.entries(chosen);
    if entries.len() > TENSORS_MAX {
        return Err(Error::input(format!("more than {TENSORS_MAX} tensors; no network of images has so many")));
    }
    let mut seen = HashSet::new();
    if let Some((name, _)) = entries.iter().find(|(name, _)| !seen.insert(name)) {
        return Err(Error::input(format!("tensor {} is there twice", quote(name))));
    }
    let passed_over = search.passed_over(chosen, &entries);
    let tensors = entries.into_iter().map(|(name, id)| tensor(heap, &name, id).map(|tensor| (name, tensor)));
    Ok(StateDict { tensors: tensors.collect::<Result<_>>()?, passed_over })
}

fn tensor<'a>(heap: &Heap<'a>, name: &str, id: Id) -> Result<TensorInfo<'a>> {
    match heap.get(id) {
        Value::Tensor(tensor) => Ok((**tensor).clone()),
        Value::Unusable(error) => Err(error.clone().at(quote(name))),
        _ => Err(Error::input(format!("{}; needed a tensor", heap.describe(id))).at(quote(name))),
    }
}

/// A value on the way from the top.
struct Place {
    id: Id,
    /// Index of the place it was reached from.
    parent: usize,
    name: Name,
}

#[derive(Clone, Copy)]
enum Name {
    Top,
    Key(Id),
    Index(usize),
}

/// How much a dict, list or module with tensors looks like the weights of a network; only the best are considered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// Holds a tensor: perhaps a measured accuracy, or class weights of a loss.
    Tensors,
    /// Holds several, among them a matrix or filters.
    Several,
    /// Holds several, among them a matrix or filters called a weight.
    Weights,
}

/// What optimizers of PyTorch keep for each parameter, under names that nothing else has.
const MOMENTS: [&str; 8] =
    ["exp_avg", "exp_avg_sq", "max_exp_avg_sq", "exp_inf", "momentum_buffer", "square_avg", "acc_delta", "grad_avg"];
/// What they keep under names that a network or a parameter may have too; then a count of steps lies beside.
const MOMENTS_BESIDE_STEP: [&str; 6] = ["prev", "step_size", "sum", "ax", "mu", "eta"];

/// Items of a list that are looked into.
const LIST_MAX: usize = 1000;
/// Places with tensors that are looked at.
const FOUND_MAX: usize = 1000;
/// Bytes of a name.
const NAME_MAX: usize = 500;

struct Search<'h, 'a> {
    heap: &'h Heap<'a>,
    places: Vec<Place>,
    /// Places with tensors.
    found: Vec<(Rank, usize)>,
}

impl<'a> Search<'_, 'a> {
    /// Collects the places with tensors, from `start` inwards.
    fn run(&mut self, start: usize) {
        let mut seen = HashSet::from([self.places[start].id]);
        let mut open = vec![start];
        while let Some(place) = open.pop().filter(|_| self.found.len() < FOUND_MAX) {
            self.found.extend(self.rank(place).map(|rank| (rank, place)));
            if modules::is_module(self.heap, self.places[place].id) {
                continue;
            }
            let before = self.places.len();
            for (name, id) in self.children(place) {
                let is_container =
                    matches!(self.heap.get(id), Value::Dict(_) | Value::List(_) | Value::Tuple(_) | Value::Object(_));
                if is_container && !self.is_one_of(name, &MOMENTS) && !self.is_optimizer(id) && seen.insert(id) {
                    self.places.push(Place { id, parent: place, name });
                }
            }
            open.extend((before..self.places.len()).rev());
        }
    }

    /// What lies directly in a place, under names or numbers.
    fn children(&self, place: usize) -> Vec<(Name, Id)> {
        let keyed = |items: &[(Id, Id)]| -> Vec<(Name, Id)> {
            let named = items.iter().filter(|(key, _)| self.heap.text(*key).is_some_and(|key| key.len() <= NAME_MAX));
            named.map(|&(key, value)| (Name::Key(key), value)).collect()
        };
        match self.heap.get(self.places[place].id) {
            Value::Dict(items) => keyed(items),
            Value::List(items) | Value::Tuple(items) => {
                items.iter().take(LIST_MAX).enumerate().map(|(at, &id)| (Name::Index(at), id)).collect()
            }
            Value::Object(object) => {
                let mut children = keyed(&object.items);
                if let Some(Value::Dict(state)) = object.state.map(|state| self.heap.get(state)) {
                    children.extend(keyed(state));
                }
                children
            }
            _ => Vec::new(),
        }
    }

    fn is_one_of(&self, name: Name, names: &[&str]) -> bool {
        matches!(name, Name::Key(key) if self.heap.text(key).is_some_and(|key| names.contains(&key)))
    }

    /// Whether a value is the state of an optimizer, which holds tensors of the sizes of the weights.
    fn is_optimizer(&self, id: Id) -> bool {
        let Value::Dict(items) = self.heap.get(id) else { return false };
        let has = |wanted: &str| items.iter().take(100).any(|&(key, _)| self.heap.text(key) == Some(wanted));
        has("param_groups") && has("state")
    }

    /// The tensors of a place by name, at most one more than may be.
    fn entries(&self, place: usize) -> Vec<(String, Id)> {
        let id = self.places[place].id;
        if modules::is_module(self.heap, id) {
            return modules::tensors(self.heap, id);
        }
        let is_tensor = |id: Id| matches!(self.heap.get(id), Value::Tensor(_) | Value::Unusable(_));
        let children = self.children(place);
        let counts_steps = children.iter().any(|&(name, _)| self.is_one_of(name, &["step"]));
        let is_moment =
            |name: Name| self.is_one_of(name, &MOMENTS) || counts_steps && self.is_one_of(name, &MOMENTS_BESIDE_STEP);
        let tensors = children.into_iter().filter(|&(name, id)| is_tensor(id) && !is_moment(name));
        tensors.take(TENSORS_MAX + 1).map(|(name, id)| (self.name(name), id)).collect()
    }

    /// How much a place looks like the weights of a network, if it has tensors at all.
    fn rank(&self, place: usize) -> Option<Rank> {
        let entries = self.entries(place);
        let is_matrix = |id: Id| match self.heap.get(id) {
            Value::Tensor(tensor) => tensor.dims.len() > 1 && tensor.dtype.is_float(),
            _ => false,
        };
        let is_weight = |name: &str| name.rsplit(['.', '/']).next().is_some_and(|last| last.contains("weight"));
        let mut matrices = entries.iter().filter(|(_, id)| is_matrix(*id)).peekable();
        match (entries.len(), matrices.peek().is_some()) {
            (0, _) => None,
            (1, _) | (_, false) => Some(Rank::Tensors),
            _ if matrices.any(|(name, _)| is_weight(name)) => Some(Rank::Weights),
            _ => Some(Rank::Several),
        }
    }

    /// The one place of the best rank, of those found from `start` inwards.
    fn choose(&self, start: usize) -> Result<usize> {
        let Some(best) = self.found.iter().map(|(rank, _)| *rank).max() else {
            return Err(self.nothing(start));
        };
        let mut different: Vec<(usize, Vec<(String, Id)>)> = Vec::new();
        for &(_, place) in self.found.iter().filter(|(rank, _)| *rank == best) {
            // The same tensors under another name, as where the last network is also the best one, are no other choice.
            let entries = self.entries(place);
            if !different.iter().any(|(_, others)| self.are_equal(others, &entries)) {
                different.push((place, entries));
            }
            if different.len() > SHOWN_MAX {
                break;
            }
        }
        match different.as_slice() {
            [(place, _)] => Ok(*place),
            several => Err(self.ambiguous(&several.iter().map(|(place, _)| *place).collect::<Vec<_>>())),
        }
    }

    fn are_equal(&self, a: &[(String, Id)], b: &[(String, Id)]) -> bool {
        let same = |a: Id, b: Id| match (self.heap.get(a), self.heap.get(b)) {
            (Value::Tensor(a), Value::Tensor(b)) => a == b,
            _ => a == b,
        };
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && same(a.1, b.1))
    }

    fn ambiguous(&self, places: &[usize]) -> Error {
        let shown = &places[..places.len().min(SHOWN_MAX)];
        let one = |&place: &usize| format!("{} ({})", quote(&self.path(place)), count(self.entries(place).len()));
        let each: Vec<String> = shown.iter().map(one).collect();
        let key = |&place: &usize| format!("`--key {}`", self.path(place).escape_debug());
        let keys: Vec<String> = shown.iter().take(2).map(key).collect();
        let more = if places.len() > SHOWN_MAX { " and more" } else { "" };
        Error::input(format!("the file holds several dicts of weights, {}{more}; needed one", each.join(", ")))
            .hint(format!("choose one with {}", keys.join(" or ")))
    }

    fn nothing(&self, start: usize) -> Error {
        let id = self.places[start].id;
        let names: Vec<String> =
            self.children(start).into_iter().take(SHOWN_MAX).map(|(name, _)| quote(&self.name(name))).collect();
        let what = match self.heap.get(id) {
            Value::Unusable(error) => return error.clone(),
            _ if self.is_optimizer(id) => "the state of an optimizer".to_owned(),
            Value::Dict(_) if names.is_empty() => "a dict with no named entries".to_owned(),
            Value::Dict(_) => format!("a dict with no tensor but the keys {}", names.join(", ")),
            _ => self.heap.describe(id),
        };
        let found = match start {
            0 => format!("the file holds {what}"),
            _ => format!("{} is {what}", quote(&self.path(start))),
        };
        Error::input(format!("{found}; needed a dict of tensors"))
            .hint("save it again with `torch.save(model.state_dict(), FILE)`")
    }

    /// The place that a key leads to. Keys of the file may hold dots themselves, so the longest name that fits goes first.
    fn follow(&mut self, place: usize, key: &str) -> Option<usize> {
        let leads = |rest: &str| rest.is_empty() || rest.starts_with('.');
        let fitting = self.children(place).into_iter().map(|(name, id)| (self.name(name), (name, id)));
        // Where Python was given a key twice, the later value stands.
        let fitting: BTreeMap<String, (Name, Id)> =
            fitting.filter(|(name, _)| key.strip_prefix(name.as_str()).is_some_and(leads)).collect();
        for (text, (name, id)) in fitting.into_iter().rev() {
            let here = self.places.len();
            self.places.push(Place { id, parent: place, name });
            let found = match key[text.len()..].strip_prefix('.') {
                None => Some(here),
                Some(rest) => self.follow(here, rest),
            };
            if found.is_some() {
                return found;
            }
            self.places.truncate(here);
        }
        None
    }

    fn no_such_key(&mut self, key: &str) -> Error {
        self.run(0);
        let known: Vec<String> =
            self.found.iter().take(SHOWN_MAX).map(|&(_, place)| quote(&self.path(place))).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Error::input(format!("no entry {}; dicts of tensors in the file: {known}", quote(key)))
            .hint("`--key` takes a name from the file, with a dot for each step inwards")
    }

    fn name(&self, name: Name) -> String {
        match name {
            Name::Top => TOP.to_owned(),
            Name::Key(key) => self.heap.text(key).unwrap_or("?").to_owned(),
            Name::Index(at) => at.to_string(),
        }
    }

    /// The key that leads to a place.
    fn path(&self, mut place: usize) -> String {
        if place == 0 {
            return TOP.to_owned();
        }
        let mut parts = Vec::new();
        while place != 0 && parts.len() < PARTS_MAX {
            parts.push(self.name(self.places[place].name));
            place = self.places[place].parent;
        }
        parts.reverse();
        parts.join(".")
    }

    /// Whatever lies beside the chosen tensors and on the way to them.
    fn passed_over(&self, chosen: usize, entries: &[(String, Id)]) -> Vec<PassedOver> {
        let taken: HashSet<Id> = entries.iter().map(|(_, id)| *id).collect();
        let mut passed = Vec::new();
        let (mut place, mut inner) = (chosen, None);
        loop {
            let is_module = modules::is_module(self.heap, self.places[place].id);
            let children = if is_module { Vec::new() } else { self.children(place) };
            for (name, id) in children.into_iter().filter(|(_, id)| Some(*id) != inner && !taken.contains(id)) {
                let name = match place {
                    0 => self.name(name),
                    _ => format!("{}.{}", self.path(place), self.name(name)),
                };
                passed.push(PassedOver { name, what: self.heap.describe(id) });
            }
            if place == 0 || passed.len() > TENSORS_MAX {
                return passed;
            }
            inner = Some(self.places[place].id);
            place = self.places[place].parent;
        }
    }
}

/// Names that a message shows.
const SHOWN_MAX: usize = 8;
/// Steps of a path that are shown.
const PARTS_MAX: usize = 32;

fn count(tensors: usize) -> String {
    if tensors == 1 { "1 tensor".to_owned() } else { format!("{tensors} tensors") }
}
