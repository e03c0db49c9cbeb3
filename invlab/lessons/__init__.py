"""The course: short lessons, each a question, a prediction, the measured answer and why (`course.LESSONS`)."""
