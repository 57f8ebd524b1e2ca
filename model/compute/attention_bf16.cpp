// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/attention_bf16.h"

#include "model/compute/attention_heads.h"
#include "model/compute/bf16_kernels.h"
#include "model/compute/threads.h"

#include <vector>

namespace vlm {
namespace {

// Of a block of queries: what stays in a core's second cache beside keys and values.
constexpr int64_t kScores = int64_t{1} << 17;
constexpr int64_t kLeastQueries = 12, kMostQueries = 96; // multiples of the kernel's rows

struct Sizes {
  explicit Sizes(const at::Tensor &q, const at::Tensor &k)
      : heads(q.size(1)), group(q.size(1) / k.size(1)), length(q.size(2)), keys(k.size(2)),
        dim(q.size(3)), key_room(bf16::panels(keys) * bf16::kPanel),
        dim_room(bf16::panels(dim) * bf16::kPanel), dim_pairs(bf16::pairs(dim)),
        queries(std::clamp(kScores / key_room / kLeastQueries * kLeastQueries, kLeastQueries,
                           kMostQueries)),
        blocks((length + queries - 1) / queries) {}
  int64_t heads, group, length, keys, dim;
  int64_t key_room, dim_room, dim_pairs; // with what the kernels' panels add
  int64_t queries, blocks;               // of a block; of a head
};

// All heads' keys, transposed, and values as the kernels want them.
class Packed {
public:
  Packed(const at::Tensor &k, const at::Tensor &v, const Sizes &s)
      : heads_(k.size(1)), keys_size_(bf16::packed_size(s.dim, s.keys)),
        values_size_(bf16::packed_size(s.key_room, s.dim)),
        room_(at::empty({k.size(0) * heads_, keys_size_ + values_size_}, at::kShort)) {
    const Heads<> from_k(k), from_v(v);
    parallel_for(
        0, room_.size(0), grain_of(kWorthElements, 2 * s.keys * s.dim),
        [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) {
            const int64_t b = i / heads_, h = i % heads_;
            bf16::pack_transposed(from_k.at(b, h, 0), from_k.row, s.dim, s.keys, keys(b, h));
            bf16::pack(from_v.at(b, h, 0), from_v.row, s.keys, s.dim, s.key_room, values(b, h));
          }
        });
  }
  uint16_t *keys(int64_t b, int64_t head) const {
    return reinterpret_cast<uint16_t *>(room_.data_ptr<int16_t>()) +
           (b * heads_ + head) * (keys_size_ + values_size_);
  }
  uint16_t *values(int64_t b, int64_t head) const { return keys(b, head) + keys_size_; }

private:
  int64_t heads_, keys_size_, values_size_;
  at::Tensor room_;
};

// One thread's blocks of queries, one after the other.
class Blocks {
public:
  Blocks(const Sizes &s, const Heads<> &q, const Packed &packed, const Heads<> &out, float scale)
      : s_(s), q_(q), packed_(packed), out_(out), scale_(scale), queries_(size(2 * s.dim_pairs)),
        shares_(size(s.key_room)), scores_(size(s.key_room)), outputs_(size(s.dim_room)),
        sums_(size(1)) {}

  void run(int64_t b, int64_t head, int64_t from) {
    const int64_t count = std::min(s_.queries, s_.length - from);
    for (int64_t i = 0; i < count; ++i)
      bf16::round(q_.at(b, head, from + i), s_.dim, scale_, &queries_[place(i, 2 * s_.dim_pairs)],
                  2 * s_.dim_pairs);
    bf16::multiply(count, queries_.data(), s_.dim_pairs, packed_.keys(b, head / s_.group),
                   s_.key_room / bf16::kPanel, scores_.data());
    for (int64_t i = 0; i < count; ++i) {
      float *row = &scores_[place(i, s_.key_room)];
      sums_[place(i, 1)] = exponentials(row, s_.keys);
      bf16::round(row, s_.keys, 1, &shares_[place(i, s_.key_room)], s_.key_room);
    }
    bf16::multiply(count, shares_.data(), s_.key_room / 2, packed_.values(b, head / s_.group),
                   s_.dim_room / bf16::kPanel, outputs_.data());
    for (int64_t i = 0; i < count; ++i) {
      const float *row = &outputs_[place(i, s_.dim_room)], factor = 1 / sums_[place(i, 1)];
      std::transform(row, row + s_.dim, out_.at(b, head, from + i),
                     [&](float value) { return value * factor; });
    }
  }

private:
  size_t size(int64_t columns) const { return place(s_.queries, columns); }
  static size_t place(int64_t row, int64_t columns) { return static_cast<size_t>(row * columns); }

  const Sizes &s_;
  const Heads<> &q_;
  const Packed &packed_;
  const Heads<> &out_;
  float scale_;
  std::vector<uint16_t> queries_, shares_;
  std::vector<float> scores_, outputs_, sums_;
};

} // namespace

at::Tensor attention_bf16(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v) {
  at::Tensor out = heads_like(q);
  if (q.numel() == 0 || k.numel() == 0)
    return out.zero_();
  const at::Tensor qr = readable(q), kr = readable(k), vr = readable(v);
  const Sizes s(q, k);
  const Packed packed(kr, vr, s);
  const Heads<> from(qr), to(out);
  const int64_t grain = grain_of(kWorthProducts, 2 * s.queries * s.keys * s.dim);
  parallel_for(0, q.size(0) * s.heads * s.blocks, grain, [&](int64_t begin, int64_t end) {
    Blocks blocks(s, from, packed, to, scale_of(q));
    for (int64_t i = begin; i < end; ++i)
      blocks.run(i / s.blocks / s.heads, i / s.blocks % s.heads, i % s.blocks * s.queries);
  });
  return out;
}

} // namespace vlm
