//! A network as pure data, and the plan that runs it at a batch size.
