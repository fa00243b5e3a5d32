// What a client must understand: what servers say to clients. Imported for its effect.

import { learn } from './codec.ts'
import { validators } from './validators-client.js'

learn(validators)
