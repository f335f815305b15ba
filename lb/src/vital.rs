//! Work that the process cannot go on without: when it panics, the process ends, so that whatever supervises it starts a whole one.
//!
//! Without this, a worker whose accept loop has panicked would look well and serve nobody. A panic in the task of one exchange ends only
//! that exchange and has no guard.

use std::process;

/// The exit code of a process that ended so, as of any program of Rust that panics.
const EXIT: i32 = 101;

/// Ends the process when it is dropped by a panic.
#[derive(Debug)]
pub struct PanicGuard(pub &'static str);

/// Runs `future`, whose panic ends the process; `name` is what the message calls it.
pub async fn guarded<F: Future>(name: &'static str, future: F) -> F::Output {
    let _guard = PanicGuard(name);
    future.await
}

impl Drop for PanicGuard {
    #[expect(clippy::disallowed_methods, reason = "other threads know nothing of it and would go on")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("lb: {} has panicked, which is a bug in lb: the process ends", self.0);
            process::exit(EXIT);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::process::Command;

    use tokio::task::{LocalSet, spawn_local};

    use super::*;

    const CHILD: &str = "LB_TEST_VITAL";

    /// What the process of the test below does when it is the child.
    #[expect(clippy::disallowed_methods, reason = "it says that it has come so far")]
    async fn child(guard: bool) {
        let broken = async { panic!("on purpose") };
        let task = if guard { spawn_local(guarded("the test", broken)) } else { spawn_local(broken) };
        assert!(task.await.is_err_and(|error| error.is_panic()));
        process::exit(7);
    }

    #[test]
    fn a_panic_of_vital_work_ends_the_process_and_one_of_other_work_does_not() {
        if let Ok(guard) = env::var(CHILD) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(LocalSet::new().run_until(child(guard == "yes")));
        }
        let name = "vital::tests::a_panic_of_vital_work_ends_the_process_and_one_of_other_work_does_not";
        for (guard, code) in [("yes", EXIT), ("no", 7)] {
            let mut command = Command::new(env::current_exe().unwrap());
            let child = command.args(["--exact", name, "--nocapture"]).env(CHILD, guard).output().unwrap();
            let said = String::from_utf8_lossy(&child.stderr).contains("the test has panicked");
            assert_eq!((child.status.code(), said), (Some(code), guard == "yes"), "{child:?}");
        }
    }
}
