// ws, by one require. Imported as modules, each of its files is first read by a lexer of Node's, which looks for
// the names that it exports: that was nearly half of the time in which a client starts.

module.exports = require('ws')
