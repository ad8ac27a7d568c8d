//! Networks as graphs, with their layer names and weight tables. Never sees a device.
