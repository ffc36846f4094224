//! Formats JSON for people: fields in the order in which the service sent them, and a value on one line if it fits.

/// Characters on a line.
const WIDTH: usize = 90;
/// The number of characters shown of a string that is too long for a line, for example a token.
const SHOWN: usize = 40;

/// The lines of a JSON body, indented by two spaces. Empty if the body is not UTF-8.
pub(crate) fn format_body(body: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    if let Ok(json) = str::from_utf8(body)
        && !json.is_empty()
    {
        lay_out(json, 2, "", &mut lines);
    }
    lines
}

fn lay_out(json: &str, indent: usize, comma: &str, lines: &mut Vec<String>) {
    let mut line = |indent: usize, text: &str| lines.push(format!("{:indent$}{text}", ""));
    if indent + json.chars().count() <= WIDTH {
        return line(indent, &format!("{}{comma}", spaced(json)));
    }
    // A list or object, perhaps with a key in front, or otherwise a scalar that is too long.
    let Some((open, close)) = unquoted(json, "{[").next().zip(json.rfind(['}', ']'])) else {
        let shown: String = json.chars().take(SHOWN).collect();
        return line(indent, &format!("{}…\"{comma}", spaced(&shown)));
    };
    line(indent, &spaced(&json[..=open]));
    let elements = elements(&json[open + 1..close]);
    let last = elements.len() - 1;
    for (n, element) in elements.into_iter().enumerate() {
        lay_out(element, indent + 2, if n < last { "," } else { "" }, lines);
    }
    lines.push(format!("{:indent$}{}{comma}", "", &json[close..]));
}

/// The elements of a compact list or object, without its brackets.
fn elements(inner: &str) -> Vec<&str> {
    let mut depth = 0;
    let mut from = 0;
    let mut elements = Vec::new();
    for at in unquoted(inner, "{[]},") {
        match inner.as_bytes()[at] {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ if depth == 0 => {
                elements.push(&inner[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    elements.push(&inner[from..]);
    elements
}

/// Compact JSON with a space after each colon and comma.
fn spaced(json: &str) -> String {
    let mut spaced = String::new();
    let mut from = 0;
    for at in unquoted(json, ":,") {
        spaced.extend([&json[from..=at], " "]);
        from = at + 1;
    }
    spaced + &json[from..]
}

/// The positions of these ASCII characters outside strings.
fn unquoted<'a>(json: &'a str, wanted: &'a str) -> impl Iterator<Item = usize> + 'a {
    let mut quoted = false;
    let mut escaped = false;
    json.bytes().enumerate().filter_map(move |(at, byte)| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => return (!quoted && wanted.as_bytes().contains(&byte)).then_some(at),
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_fits_is_printed_on_one_line_in_its_order() {
        assert_eq!(format_body(br#"{"b":1,"a":["x,y","\":"]}"#), [r#"  {"b": 1, "a": ["x,y", "\":"]}"#]);
    }

    #[test]
    fn a_body_that_does_not_fit_is_split_at_its_outermost_elements() {
        let long = format!(r#"{{"list":[{{"n":1}},{{"n":2}}],"text":"{}"}}"#, "ä".repeat(60));
        let expected = [
            "  {".to_owned(),
            r#"    "list": [{"n": 1}, {"n": 2}],"#.to_owned(),
            format!(r#"    "text": "{}""#, "ä".repeat(60)),
            "  }".to_owned(),
        ];
        assert_eq!(format_body(long.as_bytes()), expected);
    }

    #[test]
    fn a_string_that_is_too_long_for_a_line_is_truncated() {
        let token = format!(r#"{{"token":"{}","kind":"Bearer"}}"#, "t".repeat(200));
        let lines = format_body(token.as_bytes());
        assert_eq!(lines[1], format!(r#"    "token": "{}…","#, "t".repeat(31)));
        assert_eq!(lines[2], r#"    "kind": "Bearer""#);
    }
}
