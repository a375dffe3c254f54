//! One script in a Lua state of its own: what it may reach, and how it is run.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mlua::{Function, HookTriggers, Lua, LuaOptions, RegistryKey, StdLib, Value};

use crate::budget::{self, Budget, Exceeded};
use crate::cache::Cache;
use crate::handle::Handle;
use crate::work::Work;
use crate::{Limits, LoadError, Source, Stage, handle, heplify, strings};

/// Longest script: a thousand times what people write.
const SOURCE_BYTES_MAX: usize = 1 << 20;

/// What loads code, reaches files, or runs outside the budget: a coroutine has no hook of its own.
const FORBIDDEN: [&str; 10] = [
    "load",
    "loadstring",
    "loadfile",
    "dofile",
    "require",
    "module",
    "newproxy",
    "coroutine",
    "collectgarbage",
    "gcinfo",
];

/// What Lua says then, and nothing else.
const OUT_OF_MEMORY: &str = "not enough memory";

/// `table.insert` moves what is behind the place in one step that nothing can interrupt, however many places that are.
const INSERTING: &str = "\
local insert, select, error, tonumber = table.insert, select, error, tonumber
function table.insert(list, ...)
  if select('#', ...) == 2 then
    local place = tonumber((...))
    if not place or place < 1 or place > #list + 1 then error('bad place in table.insert', 2) end
  end
  return insert(list, ...)
end";

/// A limit that was met is no error to be caught.
const CATCHING: &str = "\
local exceeded, error, pcall, xpcall = ...
local function check(ok, ...)
  if not ok and exceeded((...)) then error('limit', 0) end
  return ok, ...
end
local function caught(f, ...) return check(pcall(f, ...)) end
local function handled(f, handler, ...) return check(xpcall(f, handler, ...)) end
return caught, handled";

/// What the functions of a state share.
#[derive(Debug)]
pub(crate) struct Inside {
    work: Mutex<Work>,
    pub(crate) budget: Budget,
    pub(crate) cache: Arc<Cache>,
}

impl Inside {
    pub(crate) fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) struct Program {
    lua: Lua,
    inside: Arc<Inside>,
    hooks: Vec<Hook>,
    handle: RegistryKey,
}

struct Hook {
    stage: Stage,
    /// Functions of heplify-server take no packet.
    takes_packet: bool,
    function: RegistryKey,
    line: Option<u32>,
}

/// Why a run ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) line: Option<u32>,
    pub(crate) reason: String,
    pub(crate) is_limit: bool,
}

impl Program {
    pub(crate) fn load(source: &Source, limits: &Limits, cache: Arc<Cache>) -> Result<Self, LoadError> {
        let wrong = |line, reason: String| LoadError { path: source.path.clone(), line, reason };
        if source.text.len() > SOURCE_BYTES_MAX {
            let reason =
                format!("{} bytes are more than the {SOURCE_BYTES_MAX} of a script", source.text.len());
            return Err(wrong(None, reason));
        }
        // Compiled code is not checked by Lua 5.1, and can be made to do anything.
        if source.text.starts_with('\x1b') {
            return Err(wrong(None, "compiled code is not loaded; give the source".to_owned()));
        }
        let inside = Arc::new(Inside { work: Mutex::default(), budget: Budget::default(), cache });
        let lua = prepare(&inside, limits).map_err(|error| wrong(None, error.to_string()))?;
        inside.budget.begin(limits.instructions_max, limits.time_max);
        let name = file_name(&source.path).to_owned();
        let own: Vec<String> = globals(&lua).map_err(|error| wrong(None, error.to_string()))?;
        if let Err(error) = lua.load(source.text.as_bytes()).set_name(format!("@{name}")).exec() {
            let failure = explain(&error, &inside.budget, None);
            return Err(wrong(failure.line, failure.reason));
        }
        let hooks = hooks(&lua, &own).map_err(|error| wrong(None, error.to_string()))?;
        if hooks.is_empty() {
            return Err(wrong(None, "no global function that could be run for a packet".to_owned()));
        }
        let handle = lua.create_userdata(Handle(Arc::clone(&inside)));
        let handle = handle.and_then(|handle| lua.create_registry_value(handle));
        let handle = handle.map_err(|error| wrong(None, error.to_string()))?;
        Ok(Self { lua, inside, hooks, handle })
    }

    pub(crate) fn has(&self, stage: Stage) -> bool {
        self.hooks.iter().any(|hook| hook.stage == stage)
    }

    /// Runs what there is for this stage, in order, until something fails or the packet is dropped.
    pub(crate) fn run(&self, stage: Stage, work: &mut Work, limits: &Limits) -> Result<(), Failure> {
        std::mem::swap(&mut *self.inside.work(), work);
        self.inside.budget.begin(limits.instructions_max, limits.time_max);
        let mut ended = Ok(());
        for hook in self.hooks.iter().filter(|hook| hook.stage == stage) {
            if let Err(error) = self.call(hook) {
                ended = Err(explain(&error, &self.inside.budget, hook.line));
                break;
            }
            if self.inside.work().effects.dropped.is_some() {
                break;
            }
        }
        std::mem::swap(&mut *self.inside.work(), work);
        if ended.as_ref().is_err_and(|failure| failure.is_limit) {
            // What filled the memory is garbage by now.
            let _ = self.lua.gc_collect();
        }
        ended
    }

    fn call(&self, hook: &Hook) -> mlua::Result<()> {
        let function: Function<'_> = self.lua.registry_value(&hook.function)?;
        if hook.takes_packet {
            let handle: Value<'_> = self.lua.registry_value(&self.handle)?;
            function.call::<_, ()>(handle)
        } else {
            function.call::<_, ()>(())
        }
    }
}

fn prepare(inside: &Arc<Inside>, limits: &Limits) -> mlua::Result<Lua> {
    let lua = Lua::new_with(StdLib::TABLE | StdLib::STRING | StdLib::MATH, LuaOptions::default())?;
    strings::replace(&lua, inside)?;
    lua.load(INSERTING).set_name("=limits").exec()?;
    heplify::offer(&lua, inside)?;
    handle::offer(&lua, inside)?;
    {
        let globals = lua.globals();
        let own = Arc::clone(inside);
        let exceeded = lua.create_function(move |_, caught: Value<'_>| {
            if is_memory(&caught) {
                own.budget.is_out_of_memory();
            }
            Ok(own.budget.exceeded().is_some())
        })?;
        let error: Function<'_> = globals.get("error")?;
        let (pcall, xpcall): (Function<'_>, Function<'_>) = (globals.get("pcall")?, globals.get("xpcall")?);
        let catching = lua.load(CATCHING).set_name("=limits").into_function()?;
        let (caught, handled): (Function<'_>, Function<'_>) =
            catching.call((exceeded, error, pcall, xpcall))?;
        globals.set("pcall", caught)?;
        globals.set("xpcall", handled)?;
        for name in FORBIDDEN {
            globals.set(name, Value::Nil)?;
        }
    }
    let own = Arc::clone(inside);
    let triggers = HookTriggers { every_nth_instruction: Some(budget::EVERY), ..HookTriggers::default() };
    lua.set_hook(triggers, move |_, _| {
        let spent = own.budget.spend(budget::EVERY.into());
        spent.map_err(|exceeded: Exceeded| mlua::Error::RuntimeError(exceeded.words().to_owned()))
    });
    lua.set_memory_limit(limits.memory_bytes_max)?;
    Ok(lua)
}

fn globals(lua: &Lua) -> mlua::Result<Vec<String>> {
    lua.globals().pairs::<Value<'_>, Value<'_>>().map(|pair| pair?.0.to_string()).collect()
}

/// The global functions of a script in the order they stand there. One that defines `packet` or `record` is written for
/// us, and its other functions are its own business; of any other each function is run, as heplify-server does.
fn hooks(lua: &Lua, own: &[String]) -> mlua::Result<Vec<Hook>> {
    let mut found = Vec::new();
    for pair in lua.globals().pairs::<Value<'_>, Value<'_>>() {
        let (name, value) = pair?;
        let (name, Value::Function(function)) = (name.to_string()?, value) else { continue };
        if !own.contains(&name) {
            found.push((function.info().line_defined.unwrap_or(0), name, function));
        }
    }
    found.sort_by(|(a, a_name, _), (b, b_name, _)| (a, a_name).cmp(&(b, b_name)));
    let is_ours = found.iter().any(|(_, name, _)| Stage::of(name).is_some());
    let mut hooks = Vec::new();
    for (line, name, function) in found {
        let stage = match Stage::of(&name) {
            Some(stage) => stage,
            None if is_ours => continue,
            None => Stage::Packet,
        };
        let function = lua.create_registry_value(function)?;
        hooks.push(Hook { stage, takes_packet: is_ours, function, line: u32::try_from(line).ok() });
    }
    Ok(hooks)
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether what a script caught says that Lua could not allocate.
fn is_memory(caught: &Value<'_>) -> bool {
    match caught {
        Value::String(text) => text.as_bytes() == OUT_OF_MEMORY.as_bytes(),
        Value::Error(error) => is_of_memory(error),
        _ => false,
    }
}

fn is_of_memory(error: &mlua::Error) -> bool {
    match error {
        mlua::Error::MemoryError(_) => true,
        mlua::Error::CallbackError { cause, .. } => is_of_memory(cause),
        _ => false,
    }
}

/// The place and the reason, out of what Lua says: `NAME:LINE: reason` and a traceback.
fn explain(error: &mlua::Error, budget: &Budget, line: Option<u32>) -> Failure {
    let text = error.to_string();
    let place = place_in(&text).or(line);
    if let Some(exceeded) = budget.exceeded() {
        return Failure { line: place, reason: exceeded.words().to_owned(), is_limit: true };
    }
    if is_of_memory(error) {
        return Failure { line: place, reason: Exceeded::Memory.words().to_owned(), is_limit: true };
    }
    let first = text.lines().next().unwrap_or_default();
    let mut reason = first;
    for prefix in ["runtime error: ", "syntax error: "] {
        reason = reason.strip_prefix(prefix).unwrap_or(reason);
    }
    if let Some((before, after)) = reason.split_once(": ")
        && before.rsplit_once(':').is_some_and(|(_, number)| number.parse::<u32>().is_ok())
    {
        reason = after;
    }
    Failure { line: place, reason: reason.to_owned(), is_limit: false }
}

/// The first `.lua:NUMBER:` or, of a file of another name, the first `:NUMBER:`.
fn place_in(text: &str) -> Option<u32> {
    text.split('\n').find_map(|row| {
        let row = row.trim().trim_start_matches("runtime error: ").trim_start_matches("syntax error: ");
        let mut parts = row.split(':');
        let name = parts.next()?;
        if name.starts_with('[') || name.contains(' ') || name == "limits" {
            return None;
        }
        parts.next()?.parse().ok()
    })
}
