//! A chat template that leaves out the header of the answer, as a server that forgets `add_generation_prompt`.

use engine::chat::TemplatePoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "chat@no-generation-prompt",
    defect: "the rendered chat does not open the turn of the assistant",
    point: "template",
    kinds: &["golden_output"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<TemplatePoint>(|source| {
        let mutated = source.replace("add_generation_prompt", "false");
        let changed = mutated != *source;
        *source = mutated;
        changed
    })
}
