use anyhow::Result;
use clap::{Args, CommandFactory as _};
use clap_complete::aot::{Shell, generate};

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Which shell
    shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  rhapsode completions bash > /etc/bash_completion.d/rhapsode
  rhapsode completions fish > ~/.config/fish/completions/rhapsode.fish";

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut program = crate::Arguments::command();
    generate(arguments.shell, &mut program, "rhapsode", &mut std::io::stdout());
    Ok(())
}
