//! Which adapters there are, and which one is taken.

use super::drivers::no_adapter;
use crate::error::{Error, Kind, Result};

/// Which adapter to open.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// Discrete before integrated before software.
    #[default]
    Auto,
    /// The first software adapter.
    Cpu,
    /// The adapter at this index of [`list`].
    Index(usize),
    /// The first adapter whose name holds this text, case ignored.
    Name(String),
}

impl std::str::FromStr for DeviceChoice {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        Ok(match text {
            "auto" => DeviceChoice::Auto,
            "cpu" => DeviceChoice::Cpu,
            _ => text.parse().map_or_else(|_| DeviceChoice::Name(text.to_owned()), DeviceChoice::Index),
        })
    }
}

/// What there is to know of an adapter before it is opened.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct AdapterSummary {
    /// Position in the list; what `--device` takes.
    pub index: usize,
    /// Name as the driver gives it.
    pub name: String,
    /// vulkan, metal or dx12.
    pub backend: String,
    /// discrete, integrated, virtual, software or other.
    pub kind: String,
    /// Driver name.
    pub driver: String,
    /// Driver version as text.
    pub driver_info: String,
    /// A processor plays the adapter.
    pub software: bool,
    /// Smallest and largest subgroup.
    pub subgroup_sizes: (u32, u32),
    /// Optional features that make things faster, by wgpu's names.
    pub features: Vec<String>,
    /// Largest storage binding, bytes.
    pub max_binding_bytes: u64,
    /// Largest buffer, bytes.
    pub max_buffer_bytes: u64,
    /// Bytes of workgroup memory.
    pub workgroup_bytes: u32,
    /// Invocations in a workgroup.
    pub workgroup_invocations: u32,
}

/// Every usable adapter in a stable order: discrete, integrated, virtual, software; within a kind as the system lists them.
pub fn list() -> Vec<AdapterSummary> {
    enumerate().into_iter().map(|(_, summary)| summary).collect()
}

/// Features that kernels know how to use, with the names shown to users.
const USEFUL_FEATURES: [(wgpu::Features, &str); 4] = [
    (wgpu::Features::SUBGROUP, "subgroups"),
    (wgpu::Features::TIMESTAMP_QUERY, "timestamps"),
    (wgpu::Features::SHADER_F16, "f16"),
    (wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX, "cooperative matrices"),
];

fn enumerate() -> Vec<(wgpu::Adapter, AdapterSummary)> {
    let backends = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = backends;
    let instance = wgpu::Instance::new(descriptor);
    let mut adapters = pollster::block_on(instance.enumerate_adapters(backends));
    adapters.sort_by_key(|adapter| rank(adapter.get_info().device_type));
    adapters
        .into_iter()
        .enumerate()
        .map(|(index, adapter)| {
            let summary = summarise(index, &adapter);
            (adapter, summary)
        })
        .collect()
}

fn summarise(index: usize, adapter: &wgpu::Adapter) -> AdapterSummary {
    let (info, limits, features) = (adapter.get_info(), adapter.limits(), adapter.features());
    AdapterSummary {
        index,
        name: info.name,
        backend: info.backend.to_string(),
        kind: kind_name(info.device_type).to_owned(),
        driver: info.driver,
        driver_info: info.driver_info,
        software: info.device_type == wgpu::DeviceType::Cpu,
        subgroup_sizes: (info.subgroup_min_size, info.subgroup_max_size),
        features: USEFUL_FEATURES
            .iter()
            .filter(|(feature, _)| features.contains(*feature))
            .map(|&(_, name)| name.to_owned())
            .collect(),
        max_binding_bytes: limits.max_storage_buffer_binding_size,
        max_buffer_bytes: limits.max_buffer_size,
        workgroup_bytes: limits.max_compute_workgroup_storage_size,
        workgroup_invocations: limits.max_compute_invocations_per_workgroup,
    }
}

fn rank(kind: wgpu::DeviceType) -> u8 {
    match kind {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    }
}

fn kind_name(kind: wgpu::DeviceType) -> &'static str {
    match kind {
        wgpu::DeviceType::DiscreteGpu => "discrete",
        wgpu::DeviceType::IntegratedGpu => "integrated",
        wgpu::DeviceType::VirtualGpu => "virtual",
        wgpu::DeviceType::Other => "other",
        wgpu::DeviceType::Cpu => "software",
    }
}

/// The chosen adapter.
pub(super) fn select(choice: &DeviceChoice) -> Result<(wgpu::Adapter, AdapterSummary)> {
    let mut adapters = enumerate();
    if adapters.is_empty() {
        return Err(no_adapter());
    }
    let position = match choice {
        DeviceChoice::Auto => Some(0),
        DeviceChoice::Cpu => adapters.iter().position(|(_, summary)| summary.software),
        DeviceChoice::Index(index) => (*index < adapters.len()).then_some(*index),
        DeviceChoice::Name(name) => {
            let name = name.to_lowercase();
            adapters.iter().position(|(_, summary)| summary.name.to_lowercase().contains(&name))
        }
    };
    match position {
        Some(position) => Ok(adapters.swap_remove(position)),
        None => {
            let found: Vec<_> = adapters.iter().map(|(_, s)| format!("{} {}", s.index, s.name)).collect();
            Err(Error::new(
                Kind::NoDevice,
                format!("no adapter matches `{}`; found: {}", describe(choice), found.join(", ")),
            )
            .hint(match said_by_environment(choice) {
                true => "NETDISSECT_DEVICE says so; `netdissect devices --device auto` lists them all",
                false => "`netdissect devices` lists them all",
            }))
        }
    }
}

fn said_by_environment(choice: &DeviceChoice) -> bool {
    std::env::var("NETDISSECT_DEVICE").is_ok_and(|name| name == describe(choice))
}

fn describe(choice: &DeviceChoice) -> String {
    match choice {
        DeviceChoice::Auto => "auto".to_owned(),
        DeviceChoice::Cpu => "cpu".to_owned(),
        DeviceChoice::Index(index) => index.to_string(),
        DeviceChoice::Name(name) => name.clone(),
    }
}

/// WebGPU's default limits, raised to the adapter's where size matters.
pub(super) fn wanted_limits(adapter: &wgpu::Limits) -> wgpu::Limits {
    wgpu::Limits {
        max_buffer_size: adapter.max_buffer_size,
        max_storage_buffer_binding_size: adapter.max_storage_buffer_binding_size,
        min_uniform_buffer_offset_alignment: adapter.min_uniform_buffer_offset_alignment,
        ..wgpu::Limits::default()
    }
}
