//! What may reach a terminal: names of files and cells of tables come from outside, and some of them would move the cursor, change
//! colours or write backwards.

/// One line as it is shown: what would not be seen, or would change how the rest is seen, as `\n` or `\u{1b}`.
pub(super) fn printable(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut shown, letter| {
        if letter != '\t' && (letter.is_control() || is_unseen(letter)) {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
        shown
    })
}

/// Lines as they are shown.
pub(super) fn printable_lines(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

/// Marks that reverse what follows, separate lines or take no room.
fn is_unseen(letter: char) -> bool {
    matches!(letter, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_a_terminal_is_shown_and_the_rest_stays() {
        let name = "a\u{1b}[2J\r\n\u{202e}gnp.x\u{9b}31m\u{7f}";
        assert_eq!(printable(name), r"a\u{1b}[2J\r\n\u{202e}gnp.x\u{9b}31m\u{7f}");
        assert_eq!(printable_lines("a\u{7}\nb"), "a\\u{7}\nb");
        for text in ["näme ü 写真.png", "a\tb", "C:\\new", "👩 é"] {
            assert_eq!(printable(text), text);
        }
    }
}
