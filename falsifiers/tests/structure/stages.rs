//! The stages that references announce are those that the registry lists, no more and no fewer.

use std::collections::{BTreeMap, BTreeSet};

use engine::Loaded;
use engine::models::{MODELS, configure};
use engine::stage::{STAGES, StageName};
use engine::trace::Recorder;
use kernels::Arithmetic;
use kernels::seam::Seam;

use crate::house::{folders, hold, root};

/// The folders of all models of the zoo, the micro models included.
fn zoo() -> Vec<String> {
    let trained = folders("engine/zoo").into_iter().filter(|name| name != "micro");
    let micro = folders("engine/zoo/micro").into_iter().map(|name| format!("micro/{name}"));
    trained.chain(micro).collect()
}

fn pattern(stage: StageName) -> String {
    match (stage.layer_index(), stage.local()) {
        (None, name) => name.to_owned(),
        (Some(_), "") => "model.layers.{N}".to_owned(),
        (Some(_), name) => format!("model.layers.{{N}}.{name}"),
    }
}

#[test]
fn references_announce_the_stages_that_are_listed_in_their_order() {
    let listed: BTreeMap<&str, usize> =
        STAGES.iter().enumerate().map(|(at, stage)| (stage.pattern, at)).collect();
    let (mut announced, mut faults, mut ran) = (BTreeSet::new(), Vec::new(), BTreeSet::new());
    for name in zoo() {
        let folder = root().join("engine/zoo").join(&name);
        let (architecture, _) = configure(&folder, &Seam::empty()).unwrap();
        ran.insert(architecture.name);
        let reference = Loaded::open(&folder).unwrap().reference(Arithmetic::F32).unwrap();
        let mut recorder = Recorder::all();
        reference.prefill(&[1, 2, 3], &mut recorder).unwrap();
        assert!(!recorder.stages.is_empty(), "{name} announces nothing");
        // A stage of the whole model is a layer of its own here: the order of the list is that within a layer, and of the
        // stages of an expert that within the expert.
        let mut latest: BTreeMap<(Option<usize>, Option<usize>), usize> = BTreeMap::new();
        for stage in &recorder.stages {
            let pattern = pattern(stage.name);
            let Some(&at) = listed.get(pattern.as_str()) else {
                faults.push(format!("{name} announces `{}`, which STAGES does not list", stage.name));
                continue;
            };
            let before = latest.insert((stage.name.layer_index(), stage.name.expert_index()), at);
            if before.is_some_and(|before| before >= at) {
                faults.push(format!("{name} announces `{}` later than STAGES lists it", stage.name));
            }
            announced.insert(pattern);
        }
    }
    for stage in STAGES.iter().filter(|stage| !announced.contains(stage.pattern)) {
        faults.push(format!("no model of the zoo announces `{}`", stage.pattern));
    }
    for model in MODELS.iter().filter(|model| !ran.contains(model.name)) {
        faults.push(format!("the zoo has no model of the architecture {}", model.name));
    }
    hold(announced.len(), &faults);
}
