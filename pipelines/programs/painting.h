// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/generation/painter.h"
#include "pipelines/programs/command_line.h"

namespace vlm {

/// --steps, --guidance, --size and --negative, for every program that paints.
void add_painting_options(CommandLine &line, PaintRequest &request);
/// The same without --size.
void add_denoising_options(CommandLine &line, PaintRequest &request);

/// Error(Settings) unless `text` is WIDTHxHEIGHT.
void read_size(const std::string &text, PaintRequest &request);

/// Error(Settings) naming the option unless the file's name ends as that of the PNG that is
/// written.
void check_png(const char *option, const std::string &file);

/// Error(Unreadable) naming the option unless the file can be written: before anything is painted
/// for nothing.
void check_writable(const char *option, const std::string &file);

/// Painter::check(); `option` names the painter, which the error says when there is none.
void check_painting(const char *option, const PainterOptions &options, const PaintRequest &request);

/// Painter::open() under a progress bar.
std::unique_ptr<Painter> load_painter(const PainterOptions &options, const CancelToken &cancel);

/// Tells on stderr how many tokens of the prompt were cut off, if any were, and of a negative
/// prompt that is not the default one, where it had a part in the picture.
void tell_cut(const char *program, const PaintRequest &request, const Painting &painting);

} // namespace vlm
