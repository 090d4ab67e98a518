"""A teacher: a network that follows S as an exponential average, and never by gradients."""

import tensorflow as tf

from tfadvseg.training.state import Learner


def follow(teacher: Learner, student: Learner, decay: float) -> None:
    """Moves the teacher's parameters towards the student's, after the student's update.

    teacher = alpha teacher + (1 - alpha) student with alpha = min(1 - 1 / (i + 1), decay) in update
    i from 0 (Tarvainen and Valpola 2017, arXiv 1703.01780, as SSL4MIS has it): after the first
    update the teacher is the student, and the average of the first ones is a plain mean. Trainable
    variables only: batch norm's statistics stay the teacher's own, from the images that it sees.

    Args:
        teacher: without an optimizer.
        student: of the same architecture, whose optimizer counts the updates.
        decay: the largest alpha, in [0, 1).
    """
    # Skipped updates of mixed precision are not counted: none so far is still the first.
    updates = tf.maximum(tf.cast(student.updates, tf.float32), 1.0)
    alpha = tf.minimum(1 - 1 / updates, decay)

    def update(strategy: tf.distribute.Strategy) -> None:
        def move(average: tf.Variable, value: tf.Tensor) -> None:
            average.assign(alpha * average + (1 - alpha) * value)

        pairs = zip(
            teacher.model.trainable_variables, student.model.trainable_variables, strict=True
        )
        for average, value in pairs:
            strategy.extended.update(average, move, args=(value,), group=False)

    tf.distribute.get_replica_context().merge_call(update)
