//! What the runtime of a library says on standard error when it panics: the only trace of it, since
//! its panic hook is its own.

/// A panic as its message tells it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Panic {
    pub(super) location: String,
    pub(super) message: String,
    pub(super) frames: Vec<String>,
}

/// The first panic that `text` tells of. Rust before 1.73 put the message before the place.
pub(super) fn panic(text: &str) -> Option<Panic> {
    let (_, rest) = text.split_once("' panicked at ").or_else(|| {
        // Since 1.91 the number of the thread stands between the two.
        let (before, rest) = text.split_once(") panicked at ")?;
        before.contains("thread '").then_some((before, rest))
    })?;
    let (words, trace) = rest.split_once("\nstack backtrace:\n").unwrap_or((rest, ""));
    let words = words.split("\nnote: ").next().unwrap_or(words).trim_end();
    let (location, message) = if let Some(old) = words.strip_prefix('\'') {
        let (message, location) = old.rsplit_once("', ")?;
        (location, message)
    } else {
        let (location, message) = words.split_once('\n').unwrap_or((words, ""));
        (location.trim_end_matches(':'), message)
    };
    Some(Panic {
        location: location.to_owned(),
        message: message.to_owned(),
        frames: frames(trace),
    })
}

/// The functions of a printed stack, innermost first.
fn frames(trace: &str) -> Vec<String> {
    let mut frames = Vec::new();
    for line in trace.lines() {
        let Some((number, name)) = line.split_once(": ") else {
            // Where in the source it is follows in a line of its own; anything else is the end.
            if line.trim_start().starts_with("at ") {
                continue;
            }
            break;
        };
        if number.trim().parse::<u32>().is_err() {
            break;
        }
        frames.push(name.trim().to_owned());
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_of_new_and_old_runtimes_are_read() {
        let new = "\nthread 'compile' panicked at /b/src/x.rs:10:5:\nit is\nwrong\n\
                   stack backtrace:\n   0: rust_begin_unwind\n             at /rustc/x.rs:1:1\n   \
                   1: cranelift_codegen::x\nnote: Some details are omitted\n\
                   thread 'compile' panicked at core/src/panicking.rs:221:5:\ncannot unwind\n";
        let panic_new = panic(new).unwrap();
        assert_eq!(panic_new.location, "/b/src/x.rs:10:5");
        assert_eq!(panic_new.message, "it is\nwrong");
        assert_eq!(panic_new.frames, ["rust_begin_unwind", "cranelift_codegen::x"]);
        let old = "thread '<unnamed>' panicked at 'a 'quoted' word', /b/src/x.rs:1:2\n\
                   note: run with `RUST_BACKTRACE=1` environment variable\n";
        let panic_old = panic(old).unwrap();
        assert_eq!(panic_old.location, "/b/src/x.rs:1:2");
        assert_eq!((panic_old.message.as_str(), panic_old.frames), ("a 'quoted' word", Vec::new()));
        let newest = "thread 'compile' (1234) panicked at src/x.rs:1:2:\nmessage\n";
        assert_eq!(panic(newest).unwrap().location, "src/x.rs:1:2");
        assert_eq!(panic("memory allocation of 5 bytes failed"), None);
    }
}
