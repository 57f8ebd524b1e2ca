/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plays a video and asks about what is to be seen at that moment: every line of the standard input is a
 * question. When the video is over, questions are about its last picture.
 *
 * usage: ask VIDEO
 *
 * The action signal `ask` returns at once. The signal `answer` comes on a thread of the model's; the
 * message vlmcaption/answer says more and is read on the application's own thread, so that the number of
 * open questions needs no lock. */
#include <gst/gst.h>
#include <unistd.h>

typedef struct {
  GMainLoop *loop;
  GstElement *captioner;
  guint open; /* questions without an answer */
  gboolean all_asked;
  int status;
} Talk;

static void
quit_when_done (Talk *talk)
{
  if (talk->all_asked && talk->open == 0)
    g_main_loop_quit (talk->loop);
}

static gboolean
on_input (GIOChannel *input, GIOCondition condition, gpointer data)
{
  Talk *talk = data;
  gchar *line = NULL;
  (void) condition;
  if (g_io_channel_read_line (input, &line, NULL, NULL, NULL) != G_IO_STATUS_NORMAL) {
    talk->all_asked = TRUE;
    quit_when_done (talk);
    return G_SOURCE_REMOVE;
  }
  if (g_strstrip (line)[0] != '\0') {
    guint64 id = 0;
    g_signal_emit_by_name (talk->captioner, "ask", line, &id);
    talk->open += id != 0; /* 0: refused, and a warning says why */
  }
  g_free (line);
  return G_SOURCE_CONTINUE;
}

static void
on_answer (Talk *talk, const GstStructure *answer)
{
  const gchar *error = gst_structure_get_string (answer, "error");
  guint64 pts = GST_CLOCK_TIME_NONE;
  gst_structure_get_uint64 (answer, "pts", &pts);
  g_print ("%" GST_TIME_FORMAT " %s %s\n", GST_TIME_ARGS (pts),
      gst_structure_get_string (answer, "question"),
      error != NULL ? error : gst_structure_get_string (answer, "text"));
  talk->open--;
  quit_when_done (talk);
}

static gboolean
on_message (GstBus *bus, GstMessage *message, gpointer data)
{
  Talk *talk = data;
  GError *error = NULL;
  (void) bus;
  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_ELEMENT:
      if (gst_message_has_name (message, "vlmcaption/answer"))
        on_answer (talk, gst_message_get_structure (message));
      break;
    case GST_MESSAGE_EOS:
      g_printerr ("The video is over; you may go on asking.\n");
      break;
    case GST_MESSAGE_WARNING:
      gst_message_parse_warning (message, &error, NULL);
      g_printerr ("%s\n", error->message);
      break;
    case GST_MESSAGE_ERROR:
      gst_message_parse_error (message, &error, NULL);
      g_printerr ("%s\n", error->message);
      talk->status = 1;
      g_main_loop_quit (talk->loop);
      break;
    default:
      break;
  }
  g_clear_error (&error);
  return G_SOURCE_CONTINUE;
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  if (argc != 2) {
    g_printerr ("usage: ask VIDEO\n");
    return 2;
  }
  /* The captions that nobody asked for: one in 1000 seconds. */
  GError *error = NULL;
  GstElement *pipeline = gst_parse_launch ("uridecodebin name=video ! videoconvert ! "
      "vlmcaption name=captioner mode=async interval=1000000000000 ! fakesink sync=true", &error);
  if (pipeline == NULL) {
    g_printerr ("%s\n", error->message);
    return 1;
  }
  gchar *uri = gst_filename_to_uri (argv[1], NULL);
  gst_child_proxy_set (GST_CHILD_PROXY (pipeline), "video::uri", uri, NULL);
  g_free (uri);

  Talk talk = { g_main_loop_new (NULL, FALSE), NULL, 0, FALSE, 0 };
  talk.captioner = gst_bin_get_by_name (GST_BIN (pipeline), "captioner");
  GstBus *bus = gst_element_get_bus (pipeline);
  gst_bus_add_watch (bus, on_message, &talk);
  gst_element_set_state (pipeline, GST_STATE_PLAYING); /* from here on questions are taken */

  GIOChannel *input = g_io_channel_unix_new (STDIN_FILENO);
  g_io_channel_set_encoding (input, NULL, NULL);
  /* After all messages, so that none is left unread at the end of the input. */
  const guint input_watch = g_io_add_watch_full (input, G_PRIORITY_LOW, G_IO_IN | G_IO_HUP, on_input,
      &talk, NULL);
  g_main_loop_run (talk.loop);
  if (!talk.all_asked)
    g_source_remove (input_watch);

  gst_element_set_state (pipeline, GST_STATE_NULL);
  g_io_channel_unref (input);
  gst_bus_remove_watch (bus);
  gst_object_unref (bus);
  gst_object_unref (talk.captioner);
  gst_object_unref (pipeline);
  g_main_loop_unref (talk.loop);
  return talk.status;
}
