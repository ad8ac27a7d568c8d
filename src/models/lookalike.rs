//! What network a file of weights looks like, for whoever named another.

use crate::error::{Error, Kind};
use crate::weights::Tensor;
use crate::weights::import::plain_name;

/// A network that is known by the look of its tensors.
struct Look {
    /// As a sentence names it.
    name: &'static str,
    /// The word for it, where it can be imported.
    model: Option<&'static str>,
    /// Parts of tensor names of which each must be in one.
    names: &'static [&'static str],
}

/// Known looks; the first that fits is told. What builds on another stands before it.
const LOOKS: [Look; 24] = [
    Look { name: "a Progressive GAN generator", model: Some("progan"), names: &["ToRGB_lod"] },
    Look { name: "a Progressive GAN generator", model: Some("progan"), names: &["wscale.b", "conv.weight"] },
    Look { name: "a StyleGAN", model: None, names: &["mapping", "synthesis"] },
    Look { name: "a StyleGAN", model: None, names: &["mapping", "ToRGB"] },
    Look { name: "a StyleGAN", model: None, names: &["style.1.weight", "to_rgb"] },
    Look { name: "a BigGAN", model: None, names: &["shared.weight", "blocks.0.0.conv1"] },
    Look { name: "a Stable Diffusion U-Net", model: None, names: &["time_embed", "input_blocks"] },
    Look { name: "CLIP", model: None, names: &["visual.", "logit_scale"] },
    Look { name: "UPerNet's decoder", model: Some("upernet"), names: &["ppm_conv", "fpn_in"] },
    Look { name: "a Mask R-CNN or Faster R-CNN detector", model: None, names: &["rpn", "roi_heads"] },
    Look { name: "a DeepLab segmenter", model: None, names: &["aspp"] },
    Look { name: "a DeepLab or FCN segmenter", model: None, names: &["backbone.layer1", "classifier.4"] },
    Look { name: "a Swin Transformer", model: None, names: &["relative_position_bias_table"] },
    Look { name: "a ConvNeXt", model: None, names: &["dwconv"] },
    Look { name: "a ConvNeXt", model: None, names: &["features.1.0.block.0.weight", "layer_scale"] },
    Look { name: "a vision transformer", model: None, names: &["attn.qkv"] },
    Look { name: "a vision transformer", model: None, names: &["self_attention.in_proj_weight"] },
    Look { name: "a vision transformer", model: None, names: &["attention.query.weight"] },
    Look { name: "a DenseNet", model: None, names: &["denselayer1"] },
    Look { name: "an Inception network", model: None, names: &["Mixed_"] },
    Look { name: "a GoogLeNet", model: None, names: &["inception3a"] },
    Look { name: "a SqueezeNet", model: None, names: &["squeeze.weight", "expand3x3"] },
    Look { name: "a ResNet", model: None, names: &["layer1.0.conv", "layer2.0.conv"] },
    Look { name: "a U-Net", model: None, names: &["down", "up", "outc"] },
];

/// The error about a file that was to be imported as `asked`, with what it looks like as its cause if that is another network.
pub(super) fn explain(error: Error, tensors: &[Tensor], asked: &str) -> Error {
    let Some((name, model)) = look(tensors) else { return error };
    match model {
        Some(model) if model == asked => error,
        _ => {
            let looks = Error::new(Kind::Input, format!("this looks like {name}; needed {}", needed(asked)));
            match model {
                Some("upernet") => looks.hint("a segmenter is imported by `--model upernet ENCODER DECODER labels.json`"),
                Some(model) => looks.hint(format!("import it with `--model {model}`")),
                None => looks.hint("VGG-16, the generators of Progressive GAN and the segmenters are the networks that can be imported"),
            }
        }
    }
}

fn needed(model: &str) -> &'static str {
    match model {
        "vgg16" => "VGG-16: thirteen convolutions of 3x3, then up to three fully connected layers",
        _ => "the generator of a Progressive GAN",
    }
}

/// The network in words, and the word for it if it can be imported.
fn look(tensors: &[Tensor]) -> Option<(String, Option<&'static str>)> {
    let names: Vec<String> = tensors.iter().map(|tensor| plain_name(tensor.name())).collect();
    let has = |part: &&str| names.iter().any(|name| name.contains(part));
    if let Some(look) = LOOKS.iter().find(|look| look.names.iter().all(has)) {
        return Some((look.name.to_owned(), look.model));
    }
    let windows: Vec<&[usize]> = tensors.iter().map(Tensor::dims).filter(|dims| dims.len() == 4).collect();
    let is = |test: fn(&[usize]) -> bool| windows.iter().any(|dims| test(dims));
    let three = windows.iter().filter(|dims| matches!(dims, [_, _, 3, 3] | [3, 3, _, _])).count();
    let others = windows.iter().filter(|dims| !matches!(dims, [_, _, 3 | 7 | 1, _] | [3, 3, _, _])).count();
    if is(|dims| matches!(dims, [_, 3, 11, 11] | [11, 11, 3, _])) {
        return Some(("an AlexNet".to_owned(), None));
    }
    if is(|dims| matches!(dims, [channels, 1, 3 | 5, 3 | 5] if *channels > 3)) {
        return Some(("a MobileNet, an EfficientNet or another network of depthwise convolutions".to_owned(), None));
    }
    let starts = windows.iter().any(|dims| matches!(dims, [_, 3, 3, 3] | [3, 3, 3, _]));
    let of_a_kind = |count: usize| starts && others == 0 && three == count;
    [(8, "VGG-11"), (10, "VGG-13"), (16, "VGG-19")]
        .into_iter()
        .find(|(count, _)| of_a_kind(*count))
        .map(|(count, name)| (format!("a {name} ({count} convolutions of 3x3)"), None))
        .or_else(|| of_a_kind(13).then(|| ("a VGG-16".to_owned(), Some("vgg16"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(tensors: &[(&str, &[usize])], asked: &str) -> String {
        let tensor = |&(name, dims): &(&str, &[usize])| {
            Tensor::from_values(name, dims.to_vec(), &vec![0.0; dims.iter().product()])
        };
        let tensors: Vec<Tensor> = tensors.iter().map(tensor).collect::<Result<_, _>>().unwrap();
        explain(Error::input("unexplained"), &tensors, asked).to_string()
    }

    #[test]
    fn other_networks_are_named_and_the_right_one_is_left_to_its_own_error() {
        let resnet: [(&str, &[usize]); 2] =
            [("module.layer1.0.conv1.weight", &[4, 4, 3, 3]), ("layer2.0.conv1.weight", &[4, 4, 3, 3])];
        assert!(told(&resnet, "vgg16").starts_with("this looks like a ResNet; needed VGG-16: thirteen"));
        assert!(told(&[("features.0.weight", &[4, 3, 11, 11])], "vgg16").contains("AlexNet"));
        assert!(told(&[("a.weight", &[4, 3, 3, 3]), ("b.weight", &[4, 1, 3, 3])], "vgg16").contains("MobileNet"));
        assert!(told(&[("blocks.0.attn.qkv.weight", &[6, 2])], "vgg16").contains("vision transformer"));
        assert_eq!(told(&[("ToRGB_lod0/weight", &[1, 1, 4, 3])], "progan"), "unexplained");
        assert!(told(&[("ToRGB_lod0/weight", &[1, 1, 4, 3])], "vgg16").contains("Progressive GAN"));
        let stack = |count: usize| -> Vec<(String, Vec<usize>)> {
            (0..count).map(|index| (format!("{index}.weight"), vec![4, if index == 0 { 3 } else { 4 }, 3, 3])).collect()
        };
        for (count, name) in
            [(8, "a VGG-11 (8 "), (10, "a VGG-13"), (16, "a VGG-19"), (12, "unexplained"), (13, "unexplained")]
        {
            let stack = stack(count);
            let borrowed: Vec<(&str, &[usize])> =
                stack.iter().map(|(name, dims)| (name.as_str(), dims.as_slice())).collect();
            assert!(told(&borrowed, "vgg16").contains(name), "{count}");
        }
    }
}
