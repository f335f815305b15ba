//! Colors of the page reach WCAG 2.2 AA: 4.5:1 for text, 3:1 for edges of controls, in light and dark, also when
//! the page is stale.

use std::collections::HashMap;

const CSS: &str = include_str!("../assets/page.css");

/// The variables of a block of the style sheet.
fn colors(block: &str) -> HashMap<&str, [u8; 3]> {
    let declared = block.split(';').filter_map(|part| part.rsplit_once("--")?.1.split_once(": #"));
    declared.map(|(name, hex)| (name, rgb(hex))).collect()
}

fn rgb(hex: &str) -> [u8; 3] {
    let digit = |at: usize| u8::from_str_radix(&hex[at..=at], 16).unwrap();
    match hex.len() {
        3 => [0, 1, 2].map(|at| digit(at) * 17),
        _ => [0, 2, 4].map(|at| digit(at) * 16 + digit(at + 1)),
    }
}

/// Relative luminance (WCAG 2.2).
fn luminance(color: [u8; 3]) -> f64 {
    let linear = color.map(|part| {
        let part = f64::from(part) / 255.0;
        if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
}

fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn text_and_edges_can_be_seen_in_light_and_dark() {
    let mut blocks = CSS.split(":root {").skip(1).map(|rest| rest.split('}').next().unwrap());
    let light = colors(blocks.next().unwrap());
    let mut dark = light.clone();
    dark.extend(colors(blocks.next().unwrap()));
    let states = ["up", "partial", "down", "drain", "maint"];
    let of_states = states.map(|name| (name.to_owned(), format!("{name}-back")));
    let on_cards = states.map(|name| (name.to_owned(), "card".to_owned()));
    let plain = [
        ("text", "back"),
        ("text", "card"),
        ("soft", "back"),
        ("soft", "card"),
        ("link", "back"),
        ("link", "card"),
    ];
    let stale = [("soft", "back"), ("soft", "card")];
    let plain = plain.into_iter().chain(stale).map(|(one, other)| (one.to_owned(), other.to_owned()));
    let texts: Vec<_> = of_states.into_iter().chain(on_cards).chain(plain).collect();
    for (scheme, colors) in [("light", &light), ("dark", &dark)] {
        for (front, back) in &texts {
            let found = contrast(colors[front.as_str()], colors[back.as_str()]);
            assert!(found >= 4.5, "{scheme}: {front} on {back}: {found:.2}");
        }
        for back in ["card", "back", "up-back", "partial-back", "down-back", "drain-back"] {
            let found = contrast(colors["edge"], colors[back]);
            assert!(found >= 3.0, "{scheme}: edge on {back}: {found:.2}");
        }
        assert!(contrast(colors["gone"], [255; 3]) >= 4.5, "{scheme}: the banner of a dead lb");
    }
}
