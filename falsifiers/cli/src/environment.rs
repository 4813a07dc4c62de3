//! Every variable of the environment that the commands look at. The reference is made from this, and a test holds the
//! sources to it.

/// Name and meaning.
pub(crate) const VARIABLES: &[(&str, &str)] = &[
    ("APR_COMPLETE", "set by completion scripts: `apr` answers what can come next, and does nothing else"),
    (
        "APR_LOG",
        "what `apr` logs to standard error, such as `debug` or `engine=trace`; nothing below errors without it",
    ),
    ("CLICOLOR", "no colour where it is `0`"),
    ("CLICOLOR_FORCE", "colour even where standard output is no terminal"),
    ("COLUMNS", "the width of tables and of quoted lines, before that of the terminal"),
    ("HOME", "compiled kernels are kept in `.cache/touchstone/kernels` below it"),
    ("NO_COLOR", "no colour, whatever else says so"),
    ("PV_COMPLETE", "set by completion scripts: `pv` answers what can come next, and does nothing else"),
    ("PV_LOG", "what `pv` logs to standard error, such as `debug`; nothing below errors without it"),
    ("RAYON_NUM_THREADS", "how many threads compute; as many as there are processors without it"),
    ("TERM", "no colour where it is `dumb`"),
    ("TOUCHSTONE_KERNEL_CACHE", "the folder that compiled kernels are kept in"),
    (
        "TOUCHSTONE_NVRTC",
        "the folder with the NVRTC that compiles kernels; without it, `target/nvrtc` and then the system are searched",
    ),
    ("XDG_CACHE_HOME", "compiled kernels are kept in `touchstone/kernels` below it, before `HOME`"),
];
