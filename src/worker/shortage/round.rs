//! One round of an embedder's work: an engine, a store, the module, types, host functions, a linker,
//! an instance, a call.

use crate::job::PlantedShortage;
use crate::outcome::Stage;
use crate::worker::allocator;
use std::cell::Cell;
use std::hint::black_box;
use wasmtime::{
    Caller, Config, Engine, Error, ExternType, Func, FuncType, Linker, Module, Result, Store, Val,
    ValType,
};

/// Parameters and results of the types that are made beside the module's own.
const ARITIES: [usize; 3] = [1, 100, 1_000];

/// What a round works with; made once, with all allocations granted.
pub(super) struct Work<'a> {
    config: &'a Config,
    artifact: &'a [u8],
    imports: Vec<Import>,
    /// How often the module calls its imports.
    calls: u64,
    /// How many allocations a round makes.
    allocations: u64,
}

/// A function that the module imports.
struct Import {
    module: String,
    name: String,
    params: Vec<ValType>,
    results: Vec<ValType>,
}

impl<'a> Work<'a> {
    /// Runs once as a round would, to learn what the module needs and does.
    pub(super) fn prepare(config: &'a Config, artifact: &'a [u8]) -> Result<Work<'a>> {
        let engine = Engine::new(config)?;
        let module = load(&engine, artifact)?;
        let imports = module.imports().map(|import| {
            let ExternType::Func(ty) = import.ty() else {
                return Err(Error::msg("it imports what is no function"));
            };
            Ok(Import {
                module: import.module().to_owned(),
                name: import.name().to_owned(),
                params: ty.params().collect(),
                results: ty.results().collect(),
            })
        });
        let imports = imports.collect::<Result<Vec<_>>>()?;
        let mut work = Work { config, artifact, imports, calls: 0, allocations: 0 };
        let calls = Round::new(&work, &|_| {}, None).on(&engine)?;
        work.calls = calls;
        let counted = allocator::count(|| Round::new(&work, &|_| {}, None).all());
        let (result, allocations) = counted;
        work.allocations = allocations;
        result.map(|()| work)
    }

    /// How many allocations a round makes.
    pub(super) fn allocations(&self) -> u64 {
        self.allocations
    }
}

/// A round.
pub(super) struct Round<'a> {
    work: &'a Work<'a>,
    mark: &'a dyn Fn(Stage),
    stage: Cell<Stage>,
    planted: Option<PlantedShortage>,
    /// The engine, once it is there.
    engine: Option<Engine>,
}

impl<'a> Round<'a> {
    pub(super) fn new(
        work: &'a Work<'a>,
        mark: &'a dyn Fn(Stage),
        planted: Option<PlantedShortage>,
    ) -> Round<'a> {
        Round { work, mark, stage: Cell::new(Stage::Engine), planted, engine: None }
    }

    /// The stage that it has come to.
    pub(super) fn stage(&self) -> Stage {
        self.stage.get()
    }

    fn enter(&self, stage: Stage) {
        self.stage.set(stage);
        (self.mark)(stage);
    }

    /// All of it, from the engine on.
    pub(super) fn all(&mut self) -> Result<()> {
        self.enter(Stage::Engine);
        if self.planted == Some(PlantedShortage::Abort) {
            // Where this is refused, the standard library aborts.
            drop(black_box(Box::new(0_u64)));
        }
        let result = self.after_the_engine();
        match self.planted {
            Some(PlantedShortage::OtherError) => result.map_err(|_| Error::msg("planted")),
            Some(
                PlantedShortage::Abort
                | PlantedShortage::BrokenAfterwards
                | PlantedShortage::OtherErrorThenAbort,
            )
            | None => result,
        }
    }

    fn after_the_engine(&mut self) -> Result<()> {
        let engine = Engine::new(self.work.config)?;
        self.engine = Some(engine.clone());
        self.on(&engine).map(drop)
    }

    /// The same again with all allocations granted, on the engine that has seen the failure if
    /// there is one: the module's own types and others must be there, and do what they should.
    pub(super) fn afterwards(&mut self) -> Result<()> {
        if self.planted == Some(PlantedShortage::BrokenAfterwards) {
            return Err(Error::msg("planted"));
        }
        let engine = match self.engine.take() {
            Some(engine) => engine,
            None => Engine::new(self.work.config)?,
        };
        let quiet = Round::new(self.work, &|_| {}, None);
        // Twice, so that what the first left in the registry is met too.
        for _ in 0..2 {
            let calls = quiet.on(&engine)?;
            if calls != self.work.calls {
                let message = format!("{calls} calls came, not {}", self.work.calls);
                return Err(Error::msg(message));
            }
        }
        for arity in ARITIES {
            let ty = wide(&engine, arity + 1, &ValType::F64)?;
            let same = wide(&engine, arity + 1, &ValType::F64)?;
            if ty.params().len() != arity + 1 || !ty.matches(&same) {
                return Err(Error::msg("a type is not what it was made as"));
            }
        }
        Ok(())
    }

    /// All but the engine; how often the module called its imports.
    fn on(&self, engine: &Engine) -> Result<u64> {
        self.enter(Stage::Store);
        let mut store = Store::try_new(engine, 0_u64)?;
        self.enter(Stage::Module);
        let module = load(engine, self.work.artifact)?;
        self.enter(Stage::Types);
        let mut types = [None, None, None];
        for (place, arity) in types.iter_mut().zip(ARITIES) {
            *place = Some(wide(engine, arity, &ValType::I64)?);
        }
        self.enter(Stage::Functions);
        for ty in types.into_iter().flatten() {
            Func::try_new(&mut store, ty, answer)?;
        }
        self.enter(Stage::Linker);
        let mut linker = Linker::new(engine);
        for Import { module, name, params, results } in &self.work.imports {
            let ty = FuncType::try_new(engine, params.iter().cloned(), results.iter().cloned())?;
            linker.func_new(module, name, ty, answer)?;
        }
        self.enter(Stage::Instance);
        let instance = linker.instantiate(&mut store, &module)?;
        self.enter(Stage::Call);
        if let Some(run) = instance.get_func(&mut store, "run") {
            run.call(&mut store, &[], &mut [])?;
        }
        Ok(*store.data())
    }
}

/// Loads the artifact.
fn load(engine: &Engine, artifact: &[u8]) -> Result<Module> {
    crate::worker::builtin::load(engine, artifact)
}

/// A type with as many parameters and results.
fn wide(engine: &Engine, arity: usize, ty: &ValType) -> Result<FuncType> {
    let of = || (0..arity.min(1_000)).map(|_| ty.clone());
    Ok(FuncType::try_new(engine, (0..arity).map(|_| ty.clone()), of())?)
}

/// A host function that counts its calls. The modules that are run import functions of `i32`.
fn answer(mut caller: Caller<'_, u64>, _: &[Val], results: &mut [Val]) -> Result<()> {
    *caller.data_mut() += 1;
    for result in results {
        *result = Val::I32(0);
    }
    Ok(())
}
