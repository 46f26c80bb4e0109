"""What a frame shows where it shows no action: one label and one name everywhere."""

BACKGROUND = -1
BACKGROUND_NAME = 'background'
