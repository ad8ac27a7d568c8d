//! Shaders that are templates: text written out where unrolling is the point. Template lines are WGSL comments `//% ...`.

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Value};

/// Renders a template that ships with the crate.
///
/// # Panics
/// If the template is broken: the tests render every one of them.
#[expect(clippy::expect_used, reason = "the text is our own, and every template is rendered in the tests")]
pub(super) fn render(stem: &str, text: &str, context: Value) -> String {
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
