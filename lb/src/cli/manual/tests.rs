//! What is generated has everything in it, and is refused where it cannot be written.

use super::*;

#[test]
fn every_command_tells_its_exit_codes() {
    for command in command_line::visible() {
        let name = command.get_name();
        let codes = command_line::codes(&command);
        assert!(codes.iter().any(|(code, _)| *code == 0), "{name}: no meaning of exit code 0 in its help");
        assert!(codes.iter().all(|(code, meaning)| *code <= 3 && !meaning.is_empty()), "{name}: {codes:?}");
    }
}

#[test]
fn man_pages_are_one_a_command() {
    let folder = tempfile::tempdir().unwrap();
    write_man_pages(&folder.path().join("man1")).unwrap();
    let page = |name: &str| std::fs::read_to_string(folder.path().join("man1").join(name)).unwrap();
    assert!(page("lb.1").contains("HAProxy"));
    assert!(page("lb-disable.1").contains("in flight"));
    let mut one = Vec::new();
    write_man_page(&mut one).unwrap();
    assert!(String::from_utf8(one).unwrap().contains(".TH lb 1"));

    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = write_man_pages(&file).unwrap_err().to_string();
    assert!(error.contains("file"), "{error}");
}

#[test]
fn completions_know_the_commands_of_each_shell() {
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Elvish, Shell::PowerShell] {
        let mut text = Vec::new();
        write_completions(shell, &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("healthcheck") && text.contains("read-only"), "{shell}");
    }
}

#[test]
fn pages_are_written_below_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    write_pages(folder.path()).unwrap();
    for page in pages() {
        let written = std::fs::read_to_string(folder.path().join(page.path)).unwrap();
        assert_eq!(written, page.text);
        assert!(written.lines().count() > 20, "{}", page.path);
    }
}
