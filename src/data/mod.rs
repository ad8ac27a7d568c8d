//! Images from folders and lists to the network, on CPU threads ahead of the GPU.
