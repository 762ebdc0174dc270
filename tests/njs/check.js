// Runs named checks and prints one line for each. Whoever imports it throws nothing away: the first failure ends the run.
function equal(found, wanted, of) {
    const one = JSON.stringify(found), other = JSON.stringify(wanted);
    if (one !== other) { throw new Error(`${of || 'it'} is ${one}, and should be ${other}`); }
}

function all(file, checks) {
    Object.keys(checks).forEach((name) => {
        try {
            checks[name]();
        } catch (e) {
            console.log(`not ok ${file}: ${name}: ${e.message}`);
            throw e;
        }
        console.log(`ok ${file}: ${name}`);
    });
}

export default { equal, all };
