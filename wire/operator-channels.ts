// What whoever asks as an operator must understand beside what a client must: the answers of servers about themselves.
// Imported for its effect.

import './client-channels.ts'
import { learn } from './codec.ts'
import { validators } from './validators-operator.js'

learn(validators)
