//! The provider interface in Rust, over the C interface of provider.h: a file to copy into a
//! crate of type `cdylib`. Needs the standard library and nothing else.
//!
//!     mod dstack;
//!
//!     fn plan(workflow: &dstack::Workflow) -> Result<Vec<dstack::Job>, dstack::Problem> {
//!         let who = workflow.text("who").unwrap_or_default();
//!         Ok(vec![dstack::Job::new().set("argv", ["echo", "hello", &who])])
//!     }
//!
//!     dstack::provider!(plan, "../manifest.json");
//!
//! The host calls `plan` for one workflow after the other, on one thread. A panic is reported as a fault
//! of the provider.

#![allow(dead_code)]

use std::any::Any;
use std::ffi::c_void;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// The type of `plan`.
pub type Plan = fn(&Workflow) -> Result<Vec<Job>, Problem>;

/// One workflow to be planned: its name, and its properties as the manifest declares them, checked
/// and typed. A property that was not given and has no default is `None`.
pub struct Workflow<'a> {
    host: &'a raw::Host,
    workflow: *const raw::Value,
    properties: *const raw::Value,
}

impl Workflow<'_> {
    pub fn name(&self) -> String {
        self.text_of(self.host.find(self.workflow, "name")).unwrap_or_default()
    }

    /// Whether it was given, or has a default.
    pub fn has(&self, name: &str) -> bool {
        unsafe { (self.host.kind)(self.property(name)) != raw::NULL }
    }

    /// Types text, path and folder.
    pub fn text(&self, name: &str) -> Option<String> {
        self.text_of(self.property(name))
    }

    /// Types integer, size (bytes) and duration (milliseconds).
    pub fn integer(&self, name: &str) -> Option<i64> {
        let mut integer = 0;
        let status = unsafe { (self.host.integer)(self.property(name), &mut integer) };
        (status == raw::OK).then_some(integer)
    }

    pub fn boolean(&self, name: &str) -> Option<bool> {
        let mut boolean = 0;
        let status = unsafe { (self.host.boolean)(self.property(name), &mut boolean) };
        (status == raw::OK).then_some(boolean != 0)
    }

    /// Types texts, paths, arguments and artifacts.
    pub fn texts(&self, name: &str) -> Vec<String> {
        let list = self.property(name);
        let size = unsafe { (self.host.size)(list) };
        (0..size)
            .filter_map(|index| self.text_of(unsafe { (self.host.element)(list, index) }))
            .collect()
    }

    /// Type environment.
    pub fn environment(&self, name: &str) -> Vec<(String, String)> {
        let map = self.property(name);
        let size = unsafe { (self.host.size)(map) };
        (0..size)
            .filter_map(|index| {
                let mut key = raw::Text::EMPTY;
                unsafe { (self.host.key)(map, index, &mut key) };
                let value = self.text_of(unsafe { (self.host.element)(map, index) })?;
                Some((key.to_string(), value))
            })
            .collect()
    }

    fn property(&self, name: &str) -> *const raw::Value {
        self.host.find(self.properties, name)
    }

    fn text_of(&self, value: *const raw::Value) -> Option<String> {
        let mut text = raw::Text::EMPTY;
        let status = unsafe { (self.host.string)(value, &mut text) };
        (status == raw::OK).then(|| text.to_string())
    }
}

/// What to execute: a map with the keys of the author's guide, mainly "argv". The host takes what is
/// not set from the workflow's common properties.
pub type Job = Map;

#[derive(Clone, Debug, Default)]
pub struct Map(Vec<(String, Tree)>);

impl Map {
    pub fn new() -> Map {
        Map::default()
    }

    pub fn set(mut self, key: &str, value: impl Into<Tree>) -> Map {
        self.0.push((key.to_string(), value.into()));
        self
    }
}

/// A value of a job.
#[derive(Clone, Debug)]
pub enum Tree {
    Text(String),
    Integer(i64),
    Number(f64),
    Boolean(bool),
    List(Vec<Tree>),
    Map(Map),
}

/// What converts to a `Tree`.
macro_rules! becomes_tree {
    ($($type:ty: $value:ident => $tree:expr;)*) => {
        $(impl From<$type> for Tree {
            fn from($value: $type) -> Tree {
                $tree
            }
        })*
    };
}

becomes_tree! {
    &str: text => Tree::Text(text.to_string());
    &String: text => Tree::Text(text.clone());
    String: text => Tree::Text(text);
    i64: integer => Tree::Integer(integer);
    f64: number => Tree::Number(number);
    bool: boolean => Tree::Boolean(boolean);
    Map: map => Tree::Map(map);
}

impl<T: Into<Tree>> From<Vec<T>> for Tree {
    fn from(list: Vec<T>) -> Tree {
        Tree::List(list.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Tree>, const N: usize> From<[T; N]> for Tree {
    fn from(list: [T; N]) -> Tree {
        Tree::List(list.into_iter().map(Into::into).collect())
    }
}

/// Why a workflow cannot be run. The message is one sentence: lower case, no full stop.
#[derive(Clone, Debug, Default)]
pub struct Problem {
    property: String,
    message: String,
    hint: String,
}

impl Problem {
    /// About the workflow as a whole.
    pub fn new(message: impl Into<String>) -> Problem {
        Problem { message: message.into(), ..Problem::default() }
    }

    /// About one property: the message is shown at the place where it is written.
    pub fn of(property: &str, message: impl Into<String>) -> Problem {
        Problem { property: property.to_string(), ..Problem::new(message) }
    }

    /// The next step for the user.
    pub fn hint(mut self, hint: impl Into<String>) -> Problem {
        self.hint = hint.into();
        self
    }
}

/// Writes the library's entry and puts the manifest into it, which must begin with '{'. Once, at the
/// end of lib.rs. The path is relative to that source.
macro_rules! provider {
    ($plan:path, $manifest:literal) => {
        #[used]
        #[link_section = ".dstack"]
        static DSTACK_MANIFEST: [u8; include_bytes!($manifest).len() + $crate::dstack::ABI.len() - 1] =
            $crate::dstack::with_abi(include_bytes!($manifest));

        #[no_mangle]
        pub unsafe extern "C" fn dstack_provider_entry_v0(
            host: *const $crate::dstack::raw::Host,
            out: *mut *const $crate::dstack::raw::Provider,
            report: *mut $crate::dstack::raw::Report,
        ) -> i32 {
            $crate::dstack::enter(host, out, report, $plan)
        }
    };
}
pub(crate) use provider;

/// The beginning of every manifest in a library: the version of this interface.
pub const ABI: &[u8] = b"{\"abi\": \"0.0\",";

pub const fn with_abi<const SIZE: usize>(manifest: &[u8]) -> [u8; SIZE] {
    assert!(manifest[0] == b'{', "the manifest does not begin with a brace");
    let mut bytes = [0; SIZE];
    let mut at = 0;
    while at < SIZE {
        bytes[at] = if at < ABI.len() { ABI[at] } else { manifest[at - ABI.len() + 1] };
        at += 1;
    }
    bytes
}

struct Instance {
    host: &'static raw::Host,
    plan: Plan,
}

/// The implementation of the entry.
///
/// # Safety
/// The pointers are those that the host passes to the entry.
pub unsafe fn enter(
    host: *const raw::Host,
    out: *mut *const raw::Provider,
    _report: *mut raw::Report,
    plan: Plan,
) -> i32 {
    if host.is_null() || out.is_null() {
        return raw::WRONG_USE;
    }
    if ((*host).struct_size as usize) < std::mem::size_of::<raw::Host>() {
        return raw::UNSUPPORTED;
    }
    let instance: &'static mut Instance = Box::leak(Box::new(Instance { host: &*host, plan }));
    *out = Box::leak(Box::new(raw::Provider {
        struct_size: std::mem::size_of::<raw::Provider>() as u32,
        abi_minor: 0,
        reserved: 0,
        instance: instance as *mut Instance as *mut c_void,
        plan: plan_for_host,
        extension: None,
    }));
    raw::OK
}

unsafe extern "C" fn plan_for_host(
    instance: *mut c_void,
    workflow: *const raw::Value,
    jobs: *mut raw::Output,
    report: *mut raw::Report,
) -> i32 {
    let Instance { host, plan } = &*(instance as *const Instance);
    let request = Workflow { host, workflow, properties: host.find(workflow, "properties") };
    match catch_unwind(AssertUnwindSafe(|| plan(&request))) {
        Ok(Ok(list)) => list
            .into_iter()
            .map(|job| host.write((host.append)(jobs), &Tree::Map(job)))
            .find(|status| *status != raw::OK)
            .unwrap_or(raw::OK),
        Ok(Err(problem)) => {
            host.tell(report, &problem);
            raw::INVALID
        }
        Err(panic) => {
            host.tell(report, &Problem::new(words_of(panic.as_ref())));
            raw::EXCEPTION
        }
    }
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| text.to_string());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_string())
}

impl raw::Host {
    fn find(&self, map: *const raw::Value, key: &str) -> *const raw::Value {
        unsafe { (self.member)(map, &raw::Text::from(key)) }
    }

    fn tell(&self, report: *mut raw::Report, problem: &Problem) {
        let [message, property, hint] =
            [&problem.message, &problem.property, &problem.hint].map(|text| raw::Text::from(text));
        unsafe { (self.report)(report, &message, &property, &hint) };
    }

    fn write(&self, output: *mut raw::Output, tree: &Tree) -> i32 {
        unsafe {
            match tree {
                Tree::Text(text) => (self.set_string)(output, &raw::Text::from(text)),
                Tree::Integer(integer) => (self.set_integer)(output, *integer),
                Tree::Number(number) => (self.set_number)(output, *number),
                Tree::Boolean(boolean) => (self.set_boolean)(output, *boolean as i32),
                Tree::List(list) => list.iter().fold((self.set_list)(output), |status, element| {
                    if status != raw::OK { status } else { self.write((self.append)(output), element) }
                }),
                Tree::Map(map) => map.0.iter().fold((self.set_map)(output), |status, (key, value)| {
                    if status != raw::OK {
                        return status;
                    }
                    self.write((self.set_member)(output, &raw::Text::from(key)), value)
                }),
            }
        }
    }
}

/// The tables of provider.h, member by member.
pub mod raw {
    use std::ffi::c_void;

    pub const OK: i32 = 0;
    pub const INVALID: i32 = 1;
    pub const EXCEPTION: i32 = 3;
    pub const UNSUPPORTED: i32 = 4;
    pub const WRONG_USE: i32 = 5;
    pub const NULL: i32 = 0;

    #[repr(C)]
    pub struct Value([u8; 0]);
    #[repr(C)]
    pub struct Output([u8; 0]);
    #[repr(C)]
    pub struct Report([u8; 0]);

    #[repr(C)]
    pub struct Text {
        data: *const u8,
        size: u64,
    }

    impl Text {
        pub const EMPTY: Text = Text { data: std::ptr::null(), size: 0 };

        pub fn from(text: &str) -> Text {
            Text { data: text.as_ptr(), size: text.len() as u64 }
        }

        pub fn to_string(&self) -> String {
            if self.size == 0 {
                return String::new();
            }
            let bytes = unsafe { std::slice::from_raw_parts(self.data, self.size as usize) };
            String::from_utf8_lossy(bytes).into_owned()
        }
    }

    #[repr(C)]
    pub struct Host {
        pub struct_size: u32,
        pub abi_minor: u32,
        pub reserved: u64,
        pub kind: unsafe extern "C" fn(*const Value) -> i32,
        pub size: unsafe extern "C" fn(*const Value) -> u64,
        pub element: unsafe extern "C" fn(*const Value, u64) -> *const Value,
        pub key: unsafe extern "C" fn(*const Value, u64, *mut Text) -> i32,
        pub member: unsafe extern "C" fn(*const Value, *const Text) -> *const Value,
        pub string: unsafe extern "C" fn(*const Value, *mut Text) -> i32,
        pub integer: unsafe extern "C" fn(*const Value, *mut i64) -> i32,
        pub number: unsafe extern "C" fn(*const Value, *mut f64) -> i32,
        pub boolean: unsafe extern "C" fn(*const Value, *mut i32) -> i32,
        pub append: unsafe extern "C" fn(*mut Output) -> *mut Output,
        pub set_member: unsafe extern "C" fn(*mut Output, *const Text) -> *mut Output,
        pub set_list: unsafe extern "C" fn(*mut Output) -> i32,
        pub set_map: unsafe extern "C" fn(*mut Output) -> i32,
        pub set_string: unsafe extern "C" fn(*mut Output, *const Text) -> i32,
        pub set_integer: unsafe extern "C" fn(*mut Output, i64) -> i32,
        pub set_number: unsafe extern "C" fn(*mut Output, f64) -> i32,
        pub set_boolean: unsafe extern "C" fn(*mut Output, i32) -> i32,
        pub report:
            unsafe extern "C" fn(*mut Report, *const Text, *const Text, *const Text) -> i32,
        pub extension: unsafe extern "C" fn(*const Text) -> *const c_void,
    }

    #[repr(C)]
    pub struct Provider {
        pub struct_size: u32,
        pub abi_minor: u32,
        pub reserved: u64,
        pub instance: *mut c_void,
        pub plan:
            unsafe extern "C" fn(*mut c_void, *const Value, *mut Output, *mut Report) -> i32,
        pub extension: Option<unsafe extern "C" fn(*mut c_void, *const Text) -> *const c_void>,
    }
}
