//! The forms in which texts are stored and compared.
//!
//! Unicode can write one text in several ways: `é` is one character or two, and letters have full-width twins. Two users
//! whose keyboards differ mean the same text, so it is brought into one form before it is compared.

use unicode_normalization::UnicodeNormalization;

/// The form to store: NFC, which composes characters and loses nothing.
pub fn composed(text: &str) -> String {
    text.nfc().collect()
}

/// The form to compare: NFKC with full case folding. Texts that differ only in case, or in how the same characters are
/// written, have the same form.
pub fn folded(text: &str) -> String {
    caseless::default_case_fold_str(&text.nfkc().collect::<String>()).nfkc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_composed_and_a_decomposed_text_are_stored_alike() {
        assert_eq!(composed("jose\u{301}"), "jos\u{e9}");
    }

    #[test]
    fn texts_that_differ_in_case_or_form_are_equal() {
        for (one, other) in
            [("jos\u{e9}", "JOSE\u{301}"), ("straße", "STRASSE"), ("ΟΔΟΣ", "οδος"), ("ａｄａ", "Ada")]
        {
            assert_eq!(folded(one), folded(other));
        }
        assert_ne!(folded("cafe"), folded("caf\u{e9}"));
    }
}
