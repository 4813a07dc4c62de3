//! Matrix products that add up in bfloat16, whose sums stop growing at 256 terms of one size.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "linear@accumulator-bf16",
    defect: "matrix products round every partial sum to BF16",
    point: "source",
    kinds: &["op_parity", "admission", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &[
            "matmul",
            "matmul_simt",
            "matvec",
            "matvec_add",
            "matvec_stream",
            "moe_down_matvec",
            "moe_gate",
            "moe_gate_up_matvec",
            "moe_grouped_matmul",
            "moe_grouped_matmul_simt",
            "moe_norm_gate",
            "norm_gate_up_matvec",
            "norm_matvec",
            "norm_qkv_bias_matvec",
            "norm_qkv_matvec",
        ],
        &[
            (
                "multiply_add(sum[i][j], a[i], b);",
                "{ multiply_add(sum[i][j], a[i], b); for (u32 c = 0; c < 4; ++c) sum[i][j][c] = Storage<DT_BF16>::load(Storage<DT_BF16>::store(sum[i][j][c])); }",
            ),
            (
                "multiply_add<ACT_DTYPE>(sum[i][j], a[i], b[0], b[1]);",
                "{ multiply_add<ACT_DTYPE>(sum[i][j], a[i], b[0], b[1]); for (u32 c = 0; c < 4; ++c) sum[i][j][c] = Storage<DT_BF16>::load(Storage<DT_BF16>::store(sum[i][j][c])); }",
            ),
            (
                "sum[chunk / CHUNKS] = fmaf(now[i].at(j), v[j], sum[chunk / CHUNKS]);",
                "sum[chunk / CHUNKS] = Storage<DT_BF16>::load(Storage<DT_BF16>::store(fmaf(now[i].at(j), v[j], sum[chunk / CHUNKS])));",
            ),
            (
                "sum[0] = fmaf(early[chunk].at(j), v[j], sum[0]);",
                "sum[0] = Storage<DT_BF16>::load(Storage<DT_BF16>::store(fmaf(early[chunk].at(j), v[j], sum[0])));",
            ),
            (
                "logits[t] = fmaf(w[j], v[j], logits[t]);",
                "logits[t] = Storage<DT_BF16>::load(Storage<DT_BF16>::store(fmaf(w[j], v[j], logits[t])));",
            ),
            (
                "sum[i][j] = fmaf(a[i], b[j], sum[i][j]);",
                "sum[i][j] = Storage<DT_BF16>::load(Storage<DT_BF16>::store(fmaf(a[i], b[j], sum[i][j])));",
            ),
            (
                "sum = fmaf(w[j], v[j], sum);",
                "sum = Storage<DT_BF16>::load(Storage<DT_BF16>::store(fmaf(w[j], v[j], sum)));",
            ),
            (
                "sum[m] = fmaf(now[m][chunk].at(j), v.at(chunk, j), sum[m]);",
                "sum[m] = Storage<DT_BF16>::load(Storage<DT_BF16>::store(fmaf(now[m][chunk].at(j), v.at(chunk, j), sum[m])));",
            ),
            (
                "sum = fmaf(Weight::load(weight_row[i]), Activation::load(x_row[i]), sum);",
                "sum = Storage<DT_BF16>::load(Storage<DT_BF16>::store(fmaf(Weight::load(weight_row[i]), Activation::load(x_row[i]), sum)));",
            ),
        ],
    )
}
