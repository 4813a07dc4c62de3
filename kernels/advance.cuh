// The inputs of the next decode step, one sequence at a time.
#pragma once

// What a decode step reads. All but the pages become those of the next step.
struct DecodeInputs {
    i32* input_ids;              // [batch]
    i32* positions;              // [batch]
    i32* slot_mapping;           // [batch]
    i32* kv_len;                 // [batch]
    const i32* kv_page_indptr;   // [batch + 1]
    const i32* kv_page_indices;  // [kv_page_indptr[batch]]
};

// Where the next token of a sequence goes.
struct NextPlace {
    u32 length;
    i32 position;
    i32 slot;
};

// Does not depend on the token, and can be on its way before that is known. A sequence that has no page for its next
// token gets the slot of padding.
static __device__ __forceinline__ NextPlace next_place(const DecodeInputs& of, u32 sequence) {
    const u32 length = of.kv_len[sequence];
    const i32 position = of.positions[sequence];
    const u32 first = of.kv_page_indptr[sequence];
    const u32 pages = of.kv_page_indptr[sequence + 1] - first;
    const u32 page = length / PAGE_SIZE;
    const i32 slot =
        page < pages ? of.kv_page_indices[first + page] * (i32)PAGE_SIZE + (i32)(length % PAGE_SIZE) : -1;
    return {length + 1, position + 1, slot};
}

// A sequence goes on with `token`, -1 for nothing: what follows then is any row of the table, and the host refuses the
// run. `decoded` [HISTORY, batch] keeps what was chosen.
static __device__ __forceinline__ void advance(const DecodeInputs& of, i32* decoded, const NextPlace& to, i32 token,
                                               u32 sequence, u32 batch, u32 step) {
    if (step < HISTORY) decoded[(u64)step * batch + sequence] = token;
    of.input_ids[sequence] = token < 0 ? 0 : token;
    of.positions[sequence] = to.position;
    of.kv_len[sequence] = to.length;
    of.slot_mapping[sequence] = to.slot;
}
