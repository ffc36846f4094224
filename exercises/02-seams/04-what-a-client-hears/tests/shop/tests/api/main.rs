mod heard;
