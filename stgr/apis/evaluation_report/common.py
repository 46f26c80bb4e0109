"""What several sections of an evaluation's page share."""

NO_ACTION = 'No frame has a true action, so there is nothing to draw here.'
