mod seam;
