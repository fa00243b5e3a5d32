// Loads ws by one require. If ws is imported as modules, a lexer of Node's first reads each of its files to
// find the names that it exports: that was nearly half of the time in which a client starts.

module.exports = require('ws')
