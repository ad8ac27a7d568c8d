//! Shaders that are templates: text written out where unrolling is the point. Template lines are WGSL comments `//% ...`.

use std::sync::OnceLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Value};

use crate::gpu::Shader;

/// A text of a template, of which there may be several kinds; written out once, since that takes longer than a small dispatch.
pub(super) struct Form<K> {
    /// What its text depends on.
    pub kind: K,
    text: OnceLock<String>,
}

impl<K> Form<K> {
    pub(super) const fn new(kind: K) -> Form<K> {
        Form { kind, text: OnceLock::new() }
    }

    /// The shader for workgroups of `workgroup` invocations: `source` rendered with what `context` makes of the kind.
    pub(super) fn shader(
        &'static self,
        stem: &'static str,
        source: &str,
        workgroup: u32,
        context: impl FnOnce(&K) -> Value,
    ) -> Shader {
        let text = self.text.get_or_init(|| render(stem, source, context(&self.kind)));
        Shader::new(stem, text.as_str()).constant("WG", workgroup.into())
    }
}

/// Renders a template that ships with the crate.
///
/// # Panics
/// If the template is broken: the tests render every one of them.
#[expect(clippy::expect_used, reason = "the text is our own, and every template is rendered in the tests")]
fn render(stem: &str, text: &str, context: Value) -> String {
    let mut environment = Environment::new();
    environment.set_syntax(SyntaxConfig::builder().line_statement_prefix("//%").build().expect("the syntax is fixed"));
    environment.render_named_str(stem, text, context).expect("templates of the crate render")
}

/// The function of `shaders/shared/activation.wgsl` for so many numbers at once.
pub(super) const fn act(size: u32) -> &'static str {
    match size {
        1 => "act",
        2 => "act2",
        _ => "act4",
    }
}
