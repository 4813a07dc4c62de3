// The choice of experts: one warp a token, which holds a row of logits in its registers, every 32nd expert in one lane.
//
// A choice is by score, or by score plus a bias; where nothing is added and no group is ranked, it is by the logit, which both
// scores rise with: no two logits become equal scores by rounding. Scores that are NaN come last, and of equals the lower
// index first. All 32 lanes take part in every shuffle, whatever the number of experts: a lane without an expert offers none.
#pragma once
#include "common.cuh"
#include "dependent.cuh"

#define SCORING_SOFTMAX 0
#define SCORING_SIGMOID 1

// Tokens of a block: one a warp.
constexpr u32 ROUTE_WARPS = 4;
// Experts of a lane.
constexpr u32 EACH = (EXPERTS + 31) / 32;
// Chosen experts of a lane, when they are written.
constexpr u32 WRITTEN = (TOP_K + 31) / 32;
constexpr u32 GROUP_SIZE = EXPERTS / GROUPS;
static_assert(EXPERTS <= 1024 && EXPERTS % GROUPS == 0 && GROUPS <= 32, "groups are whole, and a lane has one at most");
static_assert(TOP_K <= GROUPS_KEPT * GROUP_SIZE && GROUPS_KEPT <= GROUPS, "there are so many to choose from");

// No index.
constexpr u32 NONE = 0xffffffffu;

// An expert, or a group of some, and what it is ranked by.
struct Ranked {
    float key;
    u32 index;
    float score;
};

static __device__ __forceinline__ bool above(const Ranked& a, const Ranked& b) {
    if (a.index == NONE || b.index == NONE) return b.index == NONE && a.index != NONE;
    return a.key > b.key || (a.key == b.key && a.index < b.index);
}

// The first of all lanes, in every lane.
static __device__ __forceinline__ Ranked first_of_warp(Ranked best) {
    for (int offset = 16; offset > 0; offset >>= 1) {
        Ranked other;
        other.key = __shfl_xor_sync(0xffffffffu, best.key, offset);
        other.index = __shfl_xor_sync(0xffffffffu, best.index, offset);
        other.score = __shfl_xor_sync(0xffffffffu, best.score, offset);
        if (above(other, best)) best = other;
    }
    return best;
}

// The least that a number is ranked by.
static __device__ __forceinline__ float ranked_by(float x) { return x == x ? x : NEGATIVE_INFINITY; }

// routing, logits [tokens, EXPERTS], experts, weights [tokens, TOP_K]; bias(expert) is added for the choice.
template <bool BIASED, class Bias>
static __device__ __forceinline__ void route(float* routing, i32* experts, float* weights, const float* logits, Bias bias,
                                             u32 tokens) {
    const u32 lane = threadIdx.x % 32;
    const u32 token = blockIdx.x * ROUTE_WARPS + threadIdx.x / 32;
    // The same for a whole warp: those that go on have all their lanes.
    if (token >= tokens) return;
    const float* const row = logits + (u64)token * EXPERTS;

    float score[EACH], key[EACH];
    float largest = NEGATIVE_INFINITY;
#pragma unroll
    for (u32 i = 0; i < EACH; ++i) {
        const u32 expert = lane + 32 * i;
        score[i] = expert < EXPERTS ? row[expert] : NEGATIVE_INFINITY;
        key[i] = score[i];
        largest = fmaxf(largest, score[i]);
    }
    if constexpr (SCORING == SCORING_SOFTMAX) {
        largest = warp_max(largest);
        float total = 0.0f;
#pragma unroll
        for (u32 i = 0; i < EACH; ++i) {
            score[i] = lane + 32 * i < EXPERTS ? expf(score[i] - largest) : 0.0f;
            total += score[i];
        }
        total = warp_sum(total);
#pragma unroll
        for (u32 i = 0; i < EACH; ++i) score[i] = score[i] / total;
    } else {
#pragma unroll
        for (u32 i = 0; i < EACH; ++i) score[i] = 1.0f / (1.0f + expf(-score[i]));
    }
#pragma unroll
    for (u32 i = 0; i < EACH; ++i) {
        const u32 expert = lane + 32 * i;
        if constexpr (BIASED) {
            key[i] = expert < EXPERTS ? ranked_by(score[i] + bias(expert)) : NEGATIVE_INFINITY;
        } else if constexpr (GROUPS > 1) {
            key[i] = ranked_by(score[i]);
        } else {
            // A score that is NaN makes all of a softmax so: then the lower index is first.
            key[i] = score[i] == score[i] ? key[i] : NEGATIVE_INFINITY;
        }
    }

    // Which of a lane's experts may still be chosen, a bit each.
    u32 open = 0;
#pragma unroll
    for (u32 i = 0; i < EACH; ++i) open |= lane + 32 * i < EXPERTS ? 1u << i : 0u;
    if constexpr (GROUPS > 1) {
        // What a lane's group is ranked by: the sum of its two best.
        float rank = 0.0f;
        for (u32 group = 0; group < GROUPS; ++group) {
            u32 taken = NONE;
            float sum = 0.0f;
            for (u32 place = 0; place < 2; ++place) {
                Ranked best{0.0f, NONE, 0.0f};
#pragma unroll
                for (u32 i = 0; i < EACH; ++i) {
                    const u32 expert = lane + 32 * i;
                    const Ranked one{key[i], expert, 0.0f};
                    const bool candidate = expert < EXPERTS && expert / GROUP_SIZE == group && expert != taken;
                    if (candidate && above(one, best)) best = one;
                }
                best = first_of_warp(best);
                if (best.index != NONE) sum += best.key;
                taken = best.index;
            }
            if (lane == group) rank = sum;
        }
        u32 kept = 0;
        bool waiting = lane < GROUPS;
        for (u32 place = 0; place < GROUPS_KEPT; ++place) {
            const Ranked best = first_of_warp(Ranked{rank, waiting ? lane : NONE, 0.0f});
            kept |= 1u << best.index;
            waiting = waiting && lane != best.index;
        }
#pragma unroll
        for (u32 i = 0; i < EACH; ++i) {
            const u32 expert = lane + 32 * i;
            if (expert < EXPERTS && (kept >> (expert / GROUP_SIZE) & 1u) == 0) open &= ~(1u << i);
        }
    }

    // The best first: each lane keeps every 32nd of them, to write it.
    const u32 choices = open;
    Ranked mine[WRITTEN] = {};
    float total = 0.0f;
    for (u32 place = 0; place < TOP_K; ++place) {
        Ranked best{0.0f, NONE, 0.0f};
#pragma unroll
        for (u32 i = 0; i < EACH; ++i) {
            const Ranked one{key[i], lane + 32 * i, score[i]};
            if ((open >> i & 1u) != 0 && above(one, best)) best = one;
        }
        best = first_of_warp(best);
        total += best.score;
        if (best.index % 32 == lane) open &= ~(1u << best.index / 32);
#pragma unroll
        for (u32 i = 0; i < WRITTEN; ++i) {
            if (place == lane + 32 * i) mine[i] = best;
        }
    }
    const float divisor = RENORMALISE ? total + (float)RENORMALISE_EPS : 1.0f;
    const u32 chosen = choices & ~open;
#pragma unroll
    for (u32 i = 0; i < EACH; ++i) {
        const u32 expert = lane + 32 * i;
        if (expert < EXPERTS) {
            routing[(u64)token * EXPERTS + expert] = (chosen >> i & 1u) != 0 ? score[i] / divisor * (float)SCALING : 0.0f;
        }
    }
#pragma unroll
    for (u32 i = 0; i < WRITTEN; ++i) {
        const u32 place = lane + 32 * i;
        if (place < TOP_K) {
            experts[(u64)token * TOP_K + place] = (i32)mine[i].index;
            weights[(u64)token * TOP_K + place] = mine[i].score / divisor * (float)SCALING;
        }
    }
}
