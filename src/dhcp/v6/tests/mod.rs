mod acquire;
mod hostile;
mod keep;
mod properties;
mod util;
