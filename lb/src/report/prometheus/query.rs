//! What a scrape asks for, in the words of HAProxy's exporter.
//!
//! It refuses scopes that do not exist; everything else that it does not know it ignores, as HAProxy does.

/// What a scrape asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScrapeQuery {
    scopes: Vec<Scope>,
    /// Leave out servers that are in maintenance.
    pub(super) no_maint: bool,
    /// Tell the columns of HAProxy's modules, too.
    pub(super) extra: bool,
    /// Add the description of the process to all that is told of it.
    pub(super) describe: bool,
    /// Only these families, when any is named.
    only: Vec<String>,
    /// Not these families.
    except: Vec<String>,
}

/// The scrape asks for a scope that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no scope `{0}`: use global, frontend, backend, server, listener, sticktable, resolver or *"
)]
pub struct UnknownScope(String);

/// A group of families.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Process,
    Frontend,
    Backend,
    Server,
    Table,
    Resolver,
    /// Told only when it is asked for.
    Listener,
}

// === impl ScrapeQuery ===

impl ScrapeQuery {
    /// Asks for all groups of families that are in a scrape without a query.
    pub(super) fn all() -> Self {
        Self {
            scopes: Scope::ALL.to_vec(),
            no_maint: false,
            extra: false,
            describe: false,
            only: Vec::new(),
            except: Vec::new(),
        }
    }

    /// Reads the query of a request: `scope`, `metrics` (both may be repeated), `no-maint`, `extra-counters`,
    /// `desc-labels`.
    ///
    /// # Errors
    /// When there is no such scope.
    pub fn parse(query: &str) -> Result<Self, UnknownScope> {
        let mut parsed = Self::all();
        let mut scoped = false;
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "scope" => {
                    if !std::mem::replace(&mut scoped, true) {
                        parsed.scopes.clear();
                    }
                    parsed.add_scope(&value)?;
                }
                "no-maint" => parsed.no_maint = true,
                "extra-counters" => parsed.extra = true,
                "desc-labels" => parsed.describe = true,
                "metrics" => {
                    for name in value.split(',').map(str::trim).filter(|name| !name.is_empty()) {
                        match name.strip_prefix('-') {
                            Some(name) => parsed.except.push(name.to_owned()),
                            None => parsed.only.push(name.to_owned()),
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(parsed)
    }

    fn add_scope(&mut self, name: &str) -> Result<(), UnknownScope> {
        match name {
            // None takes back all that were named before.
            "" => self.scopes.clear(),
            "*" => {
                self.scopes.extend(Scope::ALL);
                self.scopes.push(Scope::Listener);
            }
            "global" => self.scopes.push(Scope::Process),
            "frontend" => self.scopes.push(Scope::Frontend),
            "backend" => self.scopes.push(Scope::Backend),
            "server" => self.scopes.push(Scope::Server),
            "sticktable" => self.scopes.push(Scope::Table),
            "resolver" => self.scopes.push(Scope::Resolver),
            "listener" => self.scopes.push(Scope::Listener),
            unknown => return Err(UnknownScope(unknown.to_owned())),
        }
        Ok(())
    }

    /// Whether families of this group are asked for.
    pub(super) fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }

    /// Whether the family of this name is asked for, if its group is.
    pub(super) fn wants(&self, family: &str) -> bool {
        let listed = |names: &[String]| names.iter().any(|name| name == family);
        (self.only.is_empty() || listed(&self.only)) && !listed(&self.except)
    }
}

// === impl Scope ===

impl Scope {
    const ALL: [Self; 6] =
        [Self::Process, Self::Frontend, Self::Backend, Self::Server, Self::Table, Self::Resolver];
}
