//! Arguments to one command.

use std::process::ExitCode;

use argh::FromArgs;

use bondstrap::commands::{complain, down, flip, persist, plan, print, status, up, wait};
use bondstrap::flip::prepare::Asked;
use bondstrap::persist::Format;

/// Gives an installer its network over an LACP bond, as the kernel command line asks for it.
#[derive(FromArgs)]
pub(crate) struct Arguments {
    /// these words instead of the kernel command line
    #[argh(option, arg_name = "WORDS")]
    cmdline: Option<String>,
    /// print the version
    #[argh(switch)]
    version: bool,
    #[argh(subcommand)]
    command: Option<Command>,
}

#[derive(FromArgs)]
#[argh(subcommand)]
enum Command {
    Up(Up),
    Plan(Plan),
    Status(Status),
    Wait(Wait),
    Persist(Persist),
    Flip(Flip),
    Down(Down),
}

/// Build the bond, wait for the LACP partner, get an address; the engine stays behind and keeps the lease.
#[derive(FromArgs)]
#[argh(subcommand, name = "up")]
struct Up {
    /// stay in the foreground and never give up (for service managers)
    #[argh(switch)]
    stay: bool,
    /// the background engine of up
    #[argh(switch, hidden_help)]
    keeper: bool,
}

/// Show what up would do, and every problem in the words; touches nothing.
#[derive(FromArgs)]
#[argh(subcommand, name = "plan")]
struct Plan {
    /// for programs
    #[argh(switch)]
    json: bool,
    /// also what the words mean on this machine: which NICs the ports are, what is not there
    #[argh(switch)]
    here: bool,
}

/// Show bond, ports, LACP partner, address, lease, and what is being waited for.
#[derive(FromArgs)]
#[argh(subcommand, name = "status")]
struct Status {
    /// for programs
    #[argh(switch)]
    json: bool,
}

/// Wait until online, also for an engine that has yet to start; exit codes as of up.
#[derive(FromArgs)]
#[argh(subcommand, name = "wait")]
struct Wait {
    /// seconds, 120 if not given
    #[argh(option, default = "120", arg_name = "S")]
    timeout: u32,
}

/// Print the configuration with which the installed system keeps this bond.
#[derive(FromArgs)]
#[argh(subcommand, name = "persist")]
struct Persist {
    /// management.conf, ifupdown, netplan, nmconnection, networkd or ifcfg
    #[argh(option, arg_name = "F", from_str_fn(Format::named))]
    format: Format,
    /// write the files below this directory instead, and print their paths
    #[argh(option, arg_name = "DIR")]
    root: Option<String>,
    /// of management.conf: the NIC that is its LABEL, which becomes the first member
    #[argh(option, arg_name = "NIC")]
    label: Option<String>,
}

/// Move the live addresses of a boot NIC onto a bond that contains it, while a root over NFS goes on.
#[derive(FromArgs)]
#[argh(subcommand, name = "flip")]
struct Flip {
    /// print the steps and touch nothing
    #[argh(switch)]
    dry_run: bool,
    /// who must answer afterwards (the NFS servers must in any case)
    #[argh(option, arg_name = "ADDRESS")]
    check: Option<std::net::IpAddr>,
    /// only if the words have bondstrap.flip (for hooks)
    #[argh(switch)]
    if_asked: bool,
    /// mode 802.3ad with the boot NIC alone: nothing passes while LACP negotiates
    #[argh(switch)]
    force: bool,
}

/// Release the lease, remove the bond, leave the NICs as they were found.
#[derive(FromArgs)]
#[argh(subcommand, name = "down")]
struct Down {}

impl Arguments {
    /// Does what was asked.
    pub(crate) fn run(self) -> ExitCode {
        if self.version {
            print(concat!("bondstrap ", env!("CARGO_PKG_VERSION"), "\n"));
            return ExitCode::SUCCESS;
        }
        let cmdline = self.cmdline.as_deref();
        match self.command {
            None => {
                // argh gives the help as the "error" of an early exit.
                if let Err(exit) = Self::from_args(&["bondstrap"], &["--help"]) {
                    print(&exit.output);
                }
                ExitCode::SUCCESS
            }
            Some(Command::Up(Up { keeper: true, .. })) => up::run(cmdline, up::How::Keeper),
            Some(Command::Up(Up { stay: true, .. })) => up::run(cmdline, up::How::Stay),
            Some(Command::Up(_)) => up::run(cmdline, up::How::Background),
            Some(Command::Plan(Plan { json, here })) => plan::run(cmdline, json, here),
            Some(Command::Status(Status { json })) => status::run(json),
            Some(Command::Wait(Wait { timeout })) => wait::run(timeout),
            Some(Command::Persist(Persist { format, root, label })) => {
                persist::run(cmdline, format, root.as_deref(), label.as_deref())
            }
            Some(Command::Flip(Flip { dry_run, check, force, if_asked })) => {
                flip::run(cmdline, if_asked, Asked { check, force, dry_run })
            }
            Some(Command::Down(Down {})) => down::run(),
        }
    }
}

/// Reads the arguments; usage errors are exit code 2.
pub(crate) fn read() -> Result<Arguments, ExitCode> {
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Arguments::from_args(&["bondstrap"], &arguments).map_err(|exit| {
        if exit.status.is_ok() {
            print(&exit.output);
            ExitCode::SUCCESS
        } else {
            complain(&format!("{}; bondstrap --help tells more", exit.output.trim_end()));
            ExitCode::from(2)
        }
    })
}
