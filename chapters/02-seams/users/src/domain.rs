//! The types of accounts, and the rules for addresses, names and passwords.

use std::fmt;

use email_address::{EmailAddress, Options};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use chassis::{
    caller::{Role, UserId},
    text::{composed, folded},
    web::has_length,
};

/// An account, as the API shows it to its owner.
#[derive(Clone, Debug, Serialize)]
pub struct User {
    /// The id of the account, created by the shop.
    pub id: UserId,
    /// The e-mail address as registered, in NFC. One mailbox is one account: see [`email_key`].
    pub email: String,
    /// The name of the owner.
    pub name: String,
    /// The role, which decides what the account may do.
    pub role: Role,
    /// When it was registered.
    pub created_at: Timestamp,
}

/// A valid e-mail address.
#[derive(Clone, Debug)]
pub struct Email(String);

impl Email {
    /// Accepts a mailbox of RFC 5321 with at most 254 characters: no display name, angle brackets, comment or quotes, and no
    /// white space. The parser alone accepts ` <ada@example.com>`, and each variant would be another account of one mailbox.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = composed(text);
        let decorates = |c: char| c.is_whitespace() || c.is_control() || "<>()\"".contains(c);
        let options = Options::default().without_display_text().without_domain_literal();
        let is_mailbox =
            EmailAddress::parse_with_options(&text, options).is_ok() && !text.contains(decorates);
        if !has_length(&text, 3..=254) || !is_mailbox {
            return Err("must be an e-mail address of at most 254 characters");
        }
        Ok(Self(text))
    }

    /// The address as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key for comparing addresses.
    pub fn key(&self) -> String {
        email_key(&self.0)
    }
}

/// The key for comparing addresses, for any text. Addresses of one mailbox have the same key: those that differ only in case,
/// in their Unicode form, or in whether the domain is written in ASCII (IDNA).
pub fn email_key(text: &str) -> String {
    let Some((local, domain)) = text.rsplit_once('@') else { return folded(text) };
    let domain = idna::domain_to_ascii(domain).unwrap_or_else(|_| folded(domain));
    format!("{}@{domain}", folded(local))
}

/// A valid name.
#[derive(Clone, Debug)]
pub struct Name(String);

impl Name {
    /// Accepts 1 to 100 characters.
    pub fn parse(text: String) -> Result<Self, &'static str> {
        if has_length(&text, 1..=100) { Ok(Self(text)) } else { Err("must have 1 to 100 characters") }
    }

    /// The name as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A plain-text password. Never stored, never logged.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Password(String);

impl Password {
    /// Accepts a new password: 10 to 128 characters.
    pub fn parse(self) -> Result<Self, &'static str> {
        let password = self.normalized();
        if has_length(&password.0, 10..=128) { Ok(password) } else { Err("must have 10 to 128 characters") }
    }

    /// Accepts a password to compare with the stored one: at most 128 characters.
    pub fn parse_existing(self) -> Result<Self, &'static str> {
        let password = self.normalized();
        if has_length(&password.0, 0..=128) { Ok(password) } else { Err("must have at most 128 characters") }
    }

    /// The form to hash, that of the profile `OpaqueString` (RFC 8265): NFC, and every space is U+0020. Keyboards differ in
    /// how they write the same password.
    fn normalized(&self) -> Self {
        let space = |c: char| if c.is_whitespace() && !c.is_ascii() { ' ' } else { c };
        Self(self.0.chars().map(space).nfc().collect())
    }

    /// The bytes to hash.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl From<String> for Password {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A bearer token, as the API returns it.
#[derive(Debug, Serialize)]
pub struct Session {
    /// A JSON Web Token.
    pub token: String,
    /// The scheme of the `Authorization` header: always `Bearer`.
    pub token_type: &'static str,
    /// When the token expires.
    pub expires_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_address_is_one_mailbox() {
        for good in ["a@b", "Ada.Lovelace+shop@example.com", "ünï@exämple.com"] {
            assert!(Email::parse(good).is_ok(), "{good}");
        }
        for bad in
            ["", "ada", "@example.com", "ada@", "a b@c", "Ada <ada@example.com>", "a@b@c", "a@[127.0.0.1]"]
        {
            assert!(Email::parse(bad).is_err(), "{bad}");
        }
        assert!(Email::parse(&format!("{}@example.com", "x".repeat(250))).is_err());
    }

    #[test]
    fn an_email_address_is_not_decorated() {
        let decorated =
            ["<a@b>", " <a@b>", "\r\n <a@b>\n", "(Ada)a@b", "\"a\"@b", " a@b", "a@b\r\n", "a@b\u{a0}"];
        for bad in decorated {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn addresses_of_one_mailbox_have_the_same_key() {
        for (one, other) in [
            ("Ada@Example.com", "aDA@eXAMPLE.COM"),
            ("jos\u{e9}@b", "JOSE\u{301}@b"),
            ("straße@b", "STRASSE@b"),
            ("ada@b\u{fc}cher.example", "ada@xn--bcher-kva.example"),
        ] {
            assert_eq!(Email::parse(one).unwrap().key(), email_key(other));
        }
        assert_ne!(email_key("ada@b"), email_key("ada@c"));
    }

    #[test]
    fn an_address_is_stored_in_nfc() {
        assert_eq!(Email::parse("jose\u{301}@b").unwrap().as_str(), "jos\u{e9}@b");
    }

    #[test]
    fn a_password_is_the_same_in_every_unicode_form() {
        let bytes =
            |text: &str| Password::from(text.to_owned()).parse_existing().unwrap().as_bytes().to_owned();
        assert_eq!(bytes("caf\u{e9}\u{a0}cr\u{e8}me"), bytes("cafe\u{301} cre\u{300}me"));
        assert_ne!(bytes("Caf\u{e9}"), bytes("caf\u{e9}"));
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        assert!(Name::parse("🦀".repeat(100)).is_ok());
        assert!(Name::parse("🦀".repeat(101)).is_err());
        assert!(Name::parse(String::new()).is_err());
        assert!(Password::from("é".repeat(10)).parse().is_ok());
        assert!(Password::from("é".repeat(9)).parse().is_err());
    }

    #[test]
    fn debug_output_does_not_contain_the_password() {
        assert_eq!(format!("{:?}", Password::from("correct horse".to_owned())), "Password(…)");
    }
}
