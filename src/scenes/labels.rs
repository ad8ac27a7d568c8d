//! The concepts of scenes: objects, parts, materials and colours, and their numbers.

/// Names things and gives them their names in words.
macro_rules! concepts {
    ($(#[$doc:meta])* $kind:ident: $($variant:ident $name:literal,)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $kind { $($variant,)* }

        impl $kind {
            pub(crate) const NAMES: &[&str] = &[$($name,)*];
        }
    };
}

concepts! {
    /// What a pixel belongs to.
    Object:
    Sky "sky", Cloud "cloud", Moon "moon", Mountain "mountain", Hill "hill", Sea "sea", Lake "lake", River "river", Sand "sand", Grass "grass",
    Snow "snow", Earth "earth", Rock "rock", Field "field", Path "path", Road "road", Sidewalk "sidewalk", Pavement "pavement", Runway "runway",
    Tree "tree", Palm "palm tree", Bush "bush", Flower "flower", Cactus "cactus", PottedPlant "potted plant",
    House "house", Building "building", Skyscraper "skyscraper", Church "church", Mosque "mosque", Castle "castle", Barn "barn", Lighthouse "lighthouse",
    Windmill "windmill", ControlTower "control tower", Bridge "bridge", Fence "fence", Pier "pier", Platform "platform", Track "railway track",
    Car "car", Bus "bus", Truck "truck", Train "train", Boat "boat", Airplane "airplane", Tractor "tractor",
    Person "person", Cow "cow", Sheep "sheep", Bird "bird",
    StreetLamp "street lamp", TrafficLight "traffic light", Sign "sign", Bench "bench", Parasol "parasol", Towel "towel", Gravestone "gravestone", Flag "flag",
    Skis "skis", HayBale "hay bale", Swing "swing", Slide "slide",
    Wall "wall", Floor "floor", Ceiling "ceiling", Curtain "curtain", Painting "painting", Mirror "mirror", Rug "rug", Bed "bed", Nightstand "nightstand",
    Lamp "lamp", Table "table", Chair "chair", Sofa "sofa", Armchair "armchair", Desk "desk", Wardrobe "wardrobe", Bookcase "bookcase", Book "book",
    Television "television", Computer "computer", Cabinet "cabinet", Oven "oven", Refrigerator "refrigerator", Sink "sink", Pot "pot", Plate "plate",
    Bowl "bowl", Vase "vase", Clock "clock", Bathtub "bathtub", Toilet "toilet", Blackboard "blackboard", Pew "pew", Altar "altar", Fireplace "fireplace",
}

concepts! {
    /// Which piece of its object a pixel belongs to.
    Part:
    Window "window", Door "door", Roof "roof", Chimney "chimney", Facade "facade", Dome "dome", Tower "tower", Spire "spire", Cross "cross",
    Column "column", Stairs "stairs", Balcony "balcony", Gate "gate", Battlement "battlement", Arch "arch", Awning "awning", Blade "blade",
    Crown "crown", Trunk "trunk", SnowCap "snow cap", Wheel "wheel", Headlight "headlight", Windshield "windshield", Body "body",
    Wing "wing", Tail "tail", Engine "engine", Fuselage "fuselage", Hull "hull", Mast "mast", Sail "sail", Cabin "cabin",
    Head "head", Torso "torso", Arm "arm", Leg "leg", Marking "marking", Lantern "lantern", Pole "pole",
    Pillow "pillow", Blanket "blanket", Headboard "headboard", Seat "seat", Backrest "backrest", Armrest "armrest", Top "top", Drawer "drawer",
    Shade "lampshade", Screen "screen", Keyboard "keyboard", Stovetop "stovetop", Worktop "worktop", Tap "tap", Frame "frame", Fire "fire", Leaf "leaf",
}

concepts! {
    /// What a pixel's thing is made of.
    Material:
    Water "water", Foliage "foliage", Wood "wood", Brick "brick", Stone "stone", Plaster "plaster", Concrete "concrete", Asphalt "asphalt",
    Soil "soil", Glass "glass", Metal "metal", Tile "tile", Fabric "fabric", Leather "leather", Rubber "rubber", Skin "skin", Fur "fur",
    Paper "paper", Ceramic "ceramic", Plastic "plastic", Straw "straw",
}

/// The eleven basic colour terms in the order of their rule.
pub(crate) const COLORS: [&str; 11] =
    ["black", "white", "grey", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown"];

/// Categories in the order of their channels.
pub(crate) const CATEGORIES: [&str; 4] = ["object", "part", "material", "color"];

/// What a pixel shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag {
    object: Option<Object>,
    part: Option<Part>,
    material: Option<Material>,
}

impl Tag {
    /// Nothing known.
    pub(crate) const NONE: Tag = Tag { object: None, part: None, material: None };

    pub(crate) const fn object(self) -> Option<Object> {
        self.object
    }

    /// The same thing of another material.
    pub(crate) const fn of(self, material: Option<Material>) -> Tag {
        Tag { material, ..self }
    }

    /// Label numbers of object, part and material; 0 where there is none.
    pub(crate) fn numbers(self) -> [u16; 3] {
        let [objects, parts] = [Object::NAMES.len() as u16, Part::NAMES.len() as u16];
        [
            self.object.map_or(0, |object| 1 + object as u16),
            self.part.map_or(0, |part| 1 + objects + part as u16),
            self.material.map_or(0, |material| 1 + objects + parts + material as u16),
        ]
    }
}

impl From<Object> for Tag {
    fn from(object: Object) -> Tag {
        Tag { object: Some(object), ..Tag::NONE }
    }
}

impl Object {
    /// A part of such a thing.
    pub(crate) const fn with(self, part: Part) -> Tag {
        Tag { object: Some(self), part: Some(part), material: None }
    }
}

/// Label number of a colour term, from its number in the rule (1 to 11).
pub(crate) fn color_number(term: u16) -> u16 {
    (Object::NAMES.len() + Part::NAMES.len() + Material::NAMES.len()) as u16 + term
}

/// Every concept with its category, in the order of label numbers from 1 on.
pub(crate) fn concepts() -> impl Iterator<Item = (&'static str, &'static str)> {
    let kinds: [&[&'static str]; 4] = [Object::NAMES, Part::NAMES, Material::NAMES, &COLORS];
    CATEGORIES.into_iter().zip(kinds).flat_map(|(category, names)| names.iter().map(move |&name| (name, category)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_concept_has_one_name_and_its_number_is_its_place() {
        let names: std::collections::BTreeSet<_> = concepts().map(|(name, _)| name).collect();
        assert_eq!(names.len(), concepts().count());
        let name = |number: u16| concepts().nth(usize::from(number) - 1);
        let tag = Object::House.with(Part::Door).of(Some(Material::Wood));
        let [object, part, material] = tag.numbers().map(name);
        assert_eq!(object, Some(("house", "object")));
        assert_eq!(part, Some(("door", "part")));
        assert_eq!(material, Some(("wood", "material")));
        assert_eq!(name(color_number(11)), Some(("brown", "color")));
        assert_eq!(Tag::NONE.numbers(), [0; 3]);
    }
}
