//! A sample node as a process of its own: `node NAME VERSION ADDRESS` prints its address and serves until it is killed.

use std::io::Write as _;

use api::{Node, Options};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [name, version, address] = &arguments[..] else {
        anyhow::bail!("usage: node NAME VERSION ADDRESS");
    };
    let node = Node::start(Options { bind: address.parse()?, ..Options::local(name, version) }).await?;
    println!("{}", node.addr());
    std::io::stdout().flush()?;
    // Ends with its parent: the pipe to it closes, whatever happens there.
    let mut parent = tokio::io::stdin();
    tokio::io::copy(&mut parent, &mut tokio::io::sink()).await?;
    Ok(())
}
