//! JSON for people: fields in the order in which the service sent them, what fits on a line on one line.

/// Characters on a line.
const WIDTH: usize = 90;
/// So much is shown of a text that fits on no line, a token say.
const SHOWN: usize = 40;

/// The lines of a JSON body, indented by two; none for a body that is no text.
pub(crate) fn laid_out(body: &[u8]) -> Vec<String> {
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
    // `"key":[ … ]`, or a scalar that is too long.
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

/// Where one of these ASCII characters stands outside a string.
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
    fn what_fits_stays_on_one_line_in_its_order() {
        assert_eq!(laid_out(br#"{"b":1,"a":["x,y","\":"]}"#), [r#"  {"b": 1, "a": ["x,y", "\":"]}"#]);
    }

    #[test]
    fn what_does_not_fit_is_broken_at_its_outermost_elements() {
        let long = format!(r#"{{"list":[{{"n":1}},{{"n":2}}],"text":"{}"}}"#, "ä".repeat(60));
        let expected = [
            "  {".to_owned(),
            r#"    "list": [{"n": 1}, {"n": 2}],"#.to_owned(),
            format!(r#"    "text": "{}""#, "ä".repeat(60)),
            "  }".to_owned(),
        ];
        assert_eq!(laid_out(long.as_bytes()), expected);
    }

    #[test]
    fn a_text_that_fits_on_no_line_is_cut() {
        let token = format!(r#"{{"token":"{}","kind":"Bearer"}}"#, "t".repeat(200));
        let lines = laid_out(token.as_bytes());
        assert_eq!(lines[1], format!(r#"    "token": "{}…","#, "t".repeat(31)));
        assert_eq!(lines[2], r#"    "kind": "Bearer""#);
    }
}
