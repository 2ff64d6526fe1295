//! Numbers for people.

/// A size in bytes with a binary unit.
pub fn bytes(bytes: u64) -> String {
    const UNITS: &[(u64, &str)] = &[(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.iter().find(|(size, _)| bytes >= *size) {
        Some((size, unit)) => format!("{}.{} {unit}", bytes / size, bytes % size * 10 / size),
        None => format!("{bytes} B"),
    }
}

/// A time in microseconds with a fitting unit.
pub fn microseconds(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} us"),
        1_000..1_000_000 => format!("{}.{} ms", us / 1_000, us % 1_000 / 100),
        1_000_000..100_000_000 => format!("{}.{} s", us / 1_000_000, us % 1_000_000 / 100_000),
        _ => format!("{} s", us / 1_000_000),
    }
}

/// At most `width` characters of `text`, on one line.
pub fn clip(text: &str, width: usize) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= width {
        return line.to_owned();
    }
    let mut clipped: String = line.chars().take(width.saturating_sub(1)).collect();
    clipped.push('…');
    clipped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_fit_the_number() {
        assert_eq!(bytes(1_023), "1023 B");
        assert_eq!(bytes(1_536), "1.5 KiB");
        assert_eq!(bytes(7_654_321), "7.2 MiB");
        assert_eq!(bytes(5 << 30), "5.0 GiB");
        assert_eq!(microseconds(999), "999 us");
        assert_eq!(microseconds(1_500), "1.5 ms");
        assert_eq!(microseconds(12_340_000), "12.3 s");
        assert_eq!(microseconds(720_000_000), "720 s");
    }

    #[test]
    fn clipped_text_is_one_line() {
        assert_eq!(clip("abc\ndef", 10), "abc");
        assert_eq!(clip("abcdef", 4), "abc…");
    }
}
