// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/log.h"

#include <oneapi/dnnl/dnnl.hpp>
#include <oneapi/dnnl/dnnl_version.h>

#include <string>

// What the files that know oneDNN share; it hides what differs between its versions 2 and 3. For
// sources of this folder only: no header outside of it may include this.
namespace vlm::onednn {

inline dnnl::engine &cpu() {
  static dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

/// Whether the library has only its reference code for it: thousands of times slower than any
/// other way.
template <typename Description> bool is_reference(const Description &description) {
  return std::string(description.impl_info_str()).find("ref") != std::string::npos;
}

/// The description of a primitive, from what its constructor takes.
template <typename Primitive, typename... Arguments>
typename Primitive::primitive_desc describe(const Arguments &...arguments) {
#if DNNL_VERSION_MAJOR < 3
  typename Primitive::primitive_desc out(typename Primitive::desc(arguments...), cpu());
#else
  typename Primitive::primitive_desc out(cpu(), arguments...);
#endif
  if (is_reference(out))
    log(LogLevel::Warning, "oneDNN has only its reference code here: ", out.impl_info_str());
  return out;
}

/// Memory that somebody else owns; only read where it is an operand.
inline dnnl::memory borrow(const dnnl::memory::desc &desc, const void *data) {
  return dnnl::memory(desc, cpu(), const_cast<void *>(data));
}

} // namespace vlm::onednn
