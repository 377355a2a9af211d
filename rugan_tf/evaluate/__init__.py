"""Generated sheets judged: energy obtained against energy requested, validity, variety, figures."""
