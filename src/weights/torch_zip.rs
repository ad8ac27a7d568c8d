//! The zip container of PyTorch: `PREFIX/data.pkl`, and one raw member `PREFIX/data/KEY` per storage.

use std::collections::HashMap;
use std::path::Path;

use bytes::Bytes;

use super::container::{Container, Contents};
use super::storage::Storage;
use super::tensor::quote;
use super::zip::{self, Member};
use super::{npz, pickle, torch};
use crate::error::{Error, Result};

/// Bytes of a `data.pkl` that has to be unpacked into memory; ResNet-152 has 90 thousand, and PyTorch never packs it.
const UNPACKED_MAX: usize = 16 << 20;

/// Reads the container, or an `.npz` file, which is a zip archive too.
pub(super) fn read(source: &Bytes, path: &Path, key: Option<&str>) -> Result<Contents> {
    let members = zip::members(source)?;
    if npz::is_npz(&members) {
        return npz::read(&members);
    }
    let storages: HashMap<&str, &Storage> = members.iter().map(|member| (&*member.name, &member.storage)).collect();
    let prefix = pickle_folder(&members, path)?;
    let program = storages[format!("{prefix}/data.pkl").as_str()];
    if matches!(program, Storage::Deflated { size, .. } if *size > UNPACKED_MAX) {
        let message = format!("`data.pkl` unpacks to {} bytes; at most {UNPACKED_MAX} are read", program.len());
        return Err(Error::input(message));
    }
    let order = storages.get(format!("{prefix}/byteorder").as_str());
    if let Some(order) = order.filter(|order| order.len() < 10).map(|order| order.read_all()).transpose()?
        && order != "little"
    {
        return Err(Error::input("the file was written in big-endian order; needed little-endian"));
    }
    let program = program.read_all()?;
    let object = pickle::run(&program).map_err(|error| error.at("data.pkl"))?;
    if object.length != program.len() {
        let trailing = program.len() - object.length;
        return Err(Error::input(format!("{trailing} bytes follow the pickle; needed its end")).at("data.pkl"));
    }
    torch::tensors(&object, key, Container::TorchZip, |key| {
        storages.get(format!("{prefix}/data/{key}").as_str()).copied().cloned()
    })
}

/// The folder of the pickle that describes the tensors.
fn pickle_folder<'a>(members: &'a [Member], path: &Path) -> Result<&'a str> {
    let any = |part: &str| members.iter().any(|member| member.name.contains(part));
    let mut folders = members.iter().filter_map(|member| member.name.strip_suffix("/data.pkl"));
    match (folders.next(), folders.next()) {
        (Some(_), None) if any("/constants.pkl") || any("/code/") => {
            let file = path.display();
            Err(Error::input("a TorchScript program; needed the weights alone").hint(format!(
                "save them in PyTorch: `torch.save(torch.jit.load('{file}').state_dict(), 'weights.pth')`"
            )))
        }
        (Some(folder), None) => Ok(folder),
        (Some(_), Some(_)) => Err(Error::input("two members named `data.pkl`; needed one")),
        (None, _) => Err(not_torch(members, any("model.json") || any("models/model.json"))),
    }
}

/// A zip archive of something else: what lies in it tells what.
fn not_torch(members: &[Member], is_exported: bool) -> Error {
    let ends = |ending: &str| members.iter().any(|member| member.name.ends_with(ending));
    let weights = |member: &&Member| {
        [".pth", ".pt", ".safetensors", ".onnx", ".npz"].iter().any(|end| member.name.ends_with(end))
    };
    if ends("model.weights.h5") {
        return Error::input("a Keras file; needed a .pth, .safetensors, .onnx or .npz file")
            .hint("export the network to ONNX and import that");
    }
    if is_exported {
        return Error::input("a program of `torch.export`; needed the weights alone")
            .hint("save them in PyTorch: `torch.save(torch.export.load(FILE).state_dict, 'weights.pth')`");
    }
    if let Some(member) = members.iter().find(weights) {
        return Error::input(format!("a zip archive that holds {}; needed that file itself", quote(&member.name)))
            .hint("unpack the archive first");
    }
    let names: Vec<String> = members.iter().take(4).map(|member| quote(&member.name)).collect();
    let found = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
    Error::input(format!("a zip archive without `data.pkl`, of {found}; needed a file written by `torch.save`"))
}
