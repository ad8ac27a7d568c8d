//! The `netdissect` program.

#[expect(unsafe_code, reason = "the variable is read by a driver, in this process")]
fn main() -> std::process::ExitCode {
    if std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        // Where there is no desktop session, Mesa's device-select layer complains on standard error each time an adapter is
        // looked for. It only reorders devices, which we do ourselves.
        // SAFETY: no other thread has been started yet.
        unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    }
    netdissect::cli::main()
}
