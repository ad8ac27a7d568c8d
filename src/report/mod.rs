//! What people look at: JSON, CSV, HTML, SVG, strips. Computes nothing.
