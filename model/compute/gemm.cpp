// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/compute/gemm.h"

#include "model/compute/onednn.h"
#include "model/core/error.h"
#include "model/core/log.h"

#include <algorithm>

namespace vlm {
namespace {

using Type = dnnl::memory::data_type;

// Throws dnnl::error where the library cannot do it at all.
bool matmul_bf16(int64_t m, int64_t n, int64_t k, const void *x, const void *w, float *y) {
  const dnnl::memory::desc x_desc({m, k}, Type::bf16, dnnl::memory::dims{k, 1});
  const dnnl::memory::desc w_desc({k, n}, Type::bf16, dnnl::memory::dims{1, k});
  const dnnl::memory::desc y_desc({m, n}, Type::f32, dnnl::memory::dims{n, 1});
  const auto description = onednn::describe<dnnl::matmul>(x_desc, w_desc, y_desc);
  if (onednn::is_reference(description))
    return false;
  dnnl::stream stream(onednn::cpu());
  dnnl::matmul(description)
      .execute(stream, {{DNNL_ARG_SRC, onednn::borrow(x_desc, x)},
                        {DNNL_ARG_WEIGHTS, onednn::borrow(w_desc, w)},
                        {DNNL_ARG_DST, onednn::borrow(y_desc, y)}});
  stream.wait();
  return true;
}

void check(dnnl_status_t status, int64_t m, int64_t n, int64_t k) {
  if (status != dnnl_success)
    fail(ErrorCategory::Failed, "oneDNN refused a product of ", m, " x ", k, " by ", k, " x ", n,
         " (status ", status, ")");
}

} // namespace

void gemm(int64_t m, int64_t n, int64_t k, float alpha, Operand a, Operand b, float beta, float *c,
          int64_t stride) {
  if (k == 0 && beta == 0) // which oneDNN refuses
    for (int64_t i = 0; i < m; ++i)
      std::fill_n(c + i * stride, n, 0.0f);
  if (m == 0 || n == 0 || k == 0)
    return;
  check(dnnl_sgemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', m, n, k, alpha, a.data,
                   a.stride, b.data, b.stride, beta, c, stride),
        m, n, k);
}

bool gemm_bf16(int64_t m, int64_t n, int64_t k, const void *x, const void *w, float *y) {
  try {
    return matmul_bf16(m, n, k, x, w, y);
  } catch (const dnnl::error &error) {
    log(LogLevel::Debug, "oneDNN has no bfloat16 product: ", error.what());
    return false;
  }
}

void gemm_int8(int64_t m, int64_t n, int64_t k, const uint8_t *a, const int8_t *b, int32_t *c) {
  constexpr int32_t kNoOffset = 0;
  check(dnnl_gemm_u8s8s32('N', 'N', 'F', m, n, k, 1, a, k, 0, b, n, 0, 0, c, n, &kNoOffset), m, n,
        k);
}

} // namespace vlm
