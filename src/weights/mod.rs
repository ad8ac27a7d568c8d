//! Weight files: import, inspection, loading. Every file is hostile until its sizes were checked.
