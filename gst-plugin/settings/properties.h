// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

namespace gstvlm
{

// What the elements do alike with properties and their values.

constexpr GParamFlags
property_flags (int mutability)
{
  return static_cast<GParamFlags> (
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | mutability);
}

/// Of a property that counts from the next start only.
constexpr GParamFlags kReady = property_flags (GST_PARAM_MUTABLE_READY);
/// Of a property that may be set at any time.
constexpr GParamFlags kPlaying = property_flags (GST_PARAM_MUTABLE_PLAYING);

/// True when the property counts from the next start only.
bool mutable_in_ready_only (const GParamSpec * spec);

/// The property `stats`, which is only read. `blurb` is a literal.
void install_stats (GObjectClass * klass, guint id, const char * blurb);

/// Has enumerations and the like documented with the plugin.
void mark_as_plugin_api (std::initializer_list<GType> types);

std::string string_of (const GValue * value); ///< of NULL: empty
std::optional<std::string> optional_of (const GValue * value);
std::vector<std::string> strings_of (const GValue * array);

void put (GValue * value, const std::string &text);
void put (GValue * value, const std::optional<std::string> &text);
void put (GValue * array, const std::vector<std::string> &strings);

} // namespace gstvlm
