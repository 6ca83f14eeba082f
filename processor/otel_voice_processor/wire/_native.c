/* The native codec: finds our spans in an OTLP trace request and splices new content into it, without a copy of the rest.

   It knows plain requests only. Whatever is unusual (groups, a value of a kind that attributes of ours do not have, a key given twice,
   our event on a span, text that is no UTF-8, bytes that are no protobuf) makes `find` return None, and the slim messages decide, which
   are the reference: what both read, they read alike. Only CPython's limited API is used, so one build serves every version from 3.11. */

#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

enum { VARINT = 0, FIXED64 = 1, LEN = 2, FIXED32 = 5 };
enum { OK = 1, UNUSUAL = 0, FAILED = -1 }; /* FAILED: a Python exception is set */

typedef struct {
    const uint8_t *at, *end;
} Cursor;

typedef struct {
    uint64_t number; /* the field's */
    unsigned type;
    uint64_t value;  /* of VARINT and FIXED64 */
    Cursor content;  /* of LEN */
    const uint8_t *length_at; /* where the length of LEN stands */
} Field;

/* ---- reading ---- */

static int long_varint(Cursor *in, uint64_t *value) {
    uint64_t read = 0;
    for (unsigned shift = 0; shift < 70 && in->at < in->end; shift += 7) {
        uint8_t byte = *in->at++;
        if (shift == 63 && byte > 1) return UNUSUAL; /* more than 64 bits */
        read |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            *value = read;
            return byte == 0 ? UNUSUAL : OK; /* a longer form than it needs, which not every parser takes; a single 0 is not read here */
        }
    }
    return UNUSUAL;
}

static inline int varint(Cursor *in, uint64_t *value) {
    if (in->at < in->end && *in->at < 0x80) { /* most are a byte */
        *value = *in->at++;
        return OK;
    }
    return long_varint(in, value);
}

static inline int next_field(Cursor *in, Field *field) {
    uint64_t tag;
    if (!varint(in, &tag) || tag > UINT32_MAX || tag < 8) return UNUSUAL;
    field->value = 0;
    field->number = tag >> 3;
    field->type = tag & 7;
    switch (field->type) {
    case VARINT:
        return varint(in, &field->value);
    case FIXED64:
        if (in->end - in->at < 8) return UNUSUAL;
        for (int i = 7; i >= 0; i--) field->value = field->value << 8 | in->at[i]; /* a load, on little-endian machines */
        in->at += 8;
        return OK;
    case LEN: {
        uint64_t size;
        field->length_at = in->at;
        if (!varint(in, &size) || size > (uint64_t)(in->end - in->at)) return UNUSUAL;
        field->content.at = in->at;
        field->content.end = in->at += size;
        return OK;
    }
    case FIXED32:
        if (in->end - in->at < 4) return UNUSUAL;
        in->at += 4;
        return OK;
    default:
        return UNUSUAL;
    }
}

static Py_ssize_t size_of(const Cursor *content) { return content->end - content->at; }

static PyObject *text_of(const Cursor *content) { /* NULL and a UnicodeDecodeError where it is no UTF-8 */
    return PyUnicode_DecodeUTF8((const char *)content->at, size_of(content), "strict");
}

static PyObject *bytes_of(const Cursor *content) { return PyBytes_FromStringAndSize((const char *)content->at, size_of(content)); }

static int undecodable(void) { /* after text_of: what is no UTF-8 is unusual, out of memory is a failure */
    if (!PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) return FAILED;
    PyErr_Clear();
    return UNUSUAL;
}

/* ---- names and keys, which are few: their texts are kept, not interned, which is for ever from 3.12 on ---- */

enum { KEPT = 1024, LONGEST_KEPT = 64 };
static struct {
    uint8_t size;
    char bytes[LONGEST_KEPT];
    PyObject *text;
} kept[KEPT]; /* under the GIL; a slot that another word hashes to is taken over */

static PyObject *word_of(const Cursor *content) {
    Py_ssize_t size = size_of(content);
    if (size == 0 || size > LONGEST_KEPT) return text_of(content);
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (Py_ssize_t i = 0; i < size; i++) hash = (hash ^ content->at[i]) * 16777619u;
    hash ^= hash >> 15;
    unsigned slot = hash % KEPT;
    if (kept[slot].text == NULL || kept[slot].size != size || memcmp(kept[slot].bytes, content->at, size) != 0) {
        PyObject *text = text_of(content);
        if (text == NULL) return NULL;
        Py_XDECREF(kept[slot].text);
        kept[slot].text = text;
        kept[slot].size = (uint8_t)size;
        memcpy(kept[slot].bytes, content->at, size);
    }
    return Py_NewRef(kept[slot].text);
}

/* ---- attributes ---- */

static int scalar(Field *field, PyObject **value) {
    switch (field->number) {
    case 1:
        if (field->type != LEN) return UNUSUAL;
        *value = text_of(&field->content);
        return *value ? OK : undecodable();
    case 2:
        if (field->type != VARINT) return UNUSUAL;
        *value = PyBool_FromLong(field->value != 0);
        return *value ? OK : FAILED;
    case 3:
        if (field->type != VARINT) return UNUSUAL;
        *value = PyLong_FromLongLong((int64_t)field->value);
        return *value ? OK : FAILED;
    case 4: {
        double number;
        if (field->type != FIXED64) return UNUSUAL;
        memcpy(&number, &field->value, sizeof number);
        *value = PyFloat_FromDouble(number);
        return *value ? OK : FAILED;
    }
    default:
        return UNUSUAL;
    }
}

static int any_value(Cursor in, Field *field) { /* one field and nothing else */
    return next_field(&in, field) && in.at == in.end ? OK : UNUSUAL;
}

static int array(Cursor in, PyObject **value) { /* of scalars of one kind */
    PyObject *items = PyList_New(0);
    if (items == NULL) return FAILED;
    int state = OK;
    uint64_t kind = 0;
    while (state == OK && in.at < in.end) {
        Field field, inner;
        PyObject *item = NULL;
        state = next_field(&in, &field) && field.number == 1 && field.type == LEN && any_value(field.content, &inner) ? OK : UNUSUAL;
        if (state == OK && kind != 0 && inner.number != kind) state = UNUSUAL;
        if (state == OK) {
            kind = inner.number;
            state = scalar(&inner, &item);
        }
        if (state == OK && PyList_Append(items, item) < 0) state = FAILED;
        Py_XDECREF(item);
    }
    if (state == OK) {
        *value = PyList_AsTuple(items);
        if (*value == NULL) state = FAILED;
    }
    Py_DECREF(items);
    return state;
}

static int attribute(Cursor in, PyObject *facts) { /* a key and a value, once each */
    Field key = {0}, value = {0}, inner;
    for (int i = 0; i < 2; i++) {
        Field field;
        if (!next_field(&in, &field) || field.type != LEN || field.number < 1 || field.number > 2) return UNUSUAL;
        *(field.number == 1 ? &key : &value) = field;
    }
    if (key.number == 0 || value.number == 0 || in.at != in.end || !any_value(value.content, &inner)) return UNUSUAL;
    PyObject *read = NULL;
    int state = inner.number == 5 && inner.type == LEN ? array(inner.content, &read) : scalar(&inner, &read);
    if (state != OK) return state;
    PyObject *word = word_of(&key.content);
    if (word == NULL) {
        Py_DECREF(read);
        return undecodable();
    }
    state = PyDict_SetItem(facts, word, read) < 0 ? FAILED : OK;
    Py_DECREF(word);
    Py_DECREF(read);
    return state;
}

/* ---- spans ---- */

typedef struct {
    const uint8_t *body, *body_end;
    Cursor prefix;    /* of names that are ours */
    PyObject *found;  /* list */
    PyObject *resource; /* bytes of the group's, NULL before it came */
    const uint8_t *group_at, *scope_at; /* lengths of what is around the span */
} Search;

static int is_ours(const Search *search, const Cursor *name) {
    Py_ssize_t size = size_of(&search->prefix);
    return size_of(name) >= size && memcmp(name->at, search->prefix.at, size) == 0;
}

static int look(const Search *search, Cursor in, Cursor *name, int *beside) { /* what decides whose a span is */
    while (in.at < in.end) {
        Field field;
        if (!next_field(&in, &field)) return UNUSUAL;
        if (field.number == 5) {
            if (field.type != LEN || name->at != NULL) return UNUSUAL; /* the parser would read the first one, too */
            *name = field.content;
        } else if (field.number == 11) {
            if (field.type != LEN) return UNUSUAL;
            *beside = 1;
            for (Cursor event = field.content; event.at < event.end;) {
                Field part;
                if (!next_field(&event, &part) || (part.number == 2 && (part.type != LEN || is_ours(search, &part.content))))
                    return UNUSUAL;
            }
        } else if (field.number == 13) {
            *beside = 1;
        }
    }
    return OK;
}

static int read_span(Cursor in, Cursor ids[3], uint64_t times[2], PyObject *facts) {
    Py_ssize_t given = 0;
    while (in.at < in.end) {
        Field field;
        if (!next_field(&in, &field)) return UNUSUAL;
        switch (field.number) {
        case 1:
        case 2:
        case 4:
            if (field.type != LEN) return UNUSUAL;
            ids[field.number == 4 ? 2 : field.number - 1] = field.content;
            break;
        case 7:
        case 8:
            if (field.type != FIXED64) return UNUSUAL;
            times[field.number - 7] = field.value;
            break;
        case 9: {
            if (field.type != LEN) return UNUSUAL;
            int state = attribute(field.content, facts);
            if (state != OK) return state;
            given++;
            break;
        }
        case 13:
            if (field.type != LEN) return UNUSUAL;
        }
    }
    return given == PyDict_Size(facts) ? OK : UNUSUAL; /* a key given twice */
}

static int add_span(Search *search, const Field *span, const Cursor *name, int beside) {
    static const uint8_t nothing[1];
    Cursor ids[3] = {{nothing, nothing}, {nothing, nothing}, {nothing, nothing}};
    uint64_t times[2] = {0, 0};
    PyObject *facts = PyDict_New();
    if (facts == NULL) return FAILED;
    int state = read_span(span->content, ids, times, facts);
    if (state != OK) {
        Py_DECREF(facts);
        return state;
    }
    PyObject *word = word_of(name);
    if (word == NULL) {
        Py_DECREF(facts);
        return undecodable();
    }
    PyObject *trace = bytes_of(&ids[0]), *id = bytes_of(&ids[1]), *parent = bytes_of(&ids[2]);
    PyObject *resource = search->resource ? Py_NewRef(search->resource) : PyBytes_FromStringAndSize(NULL, 0);
    PyObject *row = NULL;
    if (trace && id && parent && resource)
        row = Py_BuildValue("(OOOOKKOOOnnnnn)", word, trace, id, parent, (unsigned long long)times[0], (unsigned long long)times[1], facts,
                            resource, beside ? Py_True : Py_False, search->group_at - search->body, search->scope_at - search->body,
                            span->length_at - search->body, span->content.at - search->body, span->content.end - search->body);
    state = row != NULL && PyList_Append(search->found, row) == 0 ? OK : FAILED;
    Py_XDECREF(row);
    Py_XDECREF(resource);
    Py_XDECREF(parent);
    Py_XDECREF(id);
    Py_XDECREF(trace);
    Py_DECREF(word);
    Py_DECREF(facts);
    return state;
}

static int in_scope(Search *search, Cursor in) {
    while (in.at < in.end) {
        Field field;
        if (!next_field(&in, &field)) return UNUSUAL;
        if (field.number > 2) continue; /* the schema's URL, and what is not known yet */
        if (field.type != LEN) return UNUSUAL;
        if (field.number == 2) {
            Cursor name = {0};
            int beside = 0;
            if (!look(search, field.content, &name, &beside)) return UNUSUAL;
            if (name.at != NULL && is_ours(search, &name)) {
                int state = add_span(search, &field, &name, beside);
                if (state != OK) return state;
            }
        }
    }
    return OK;
}

static int in_group(Search *search, Cursor in) {
    Py_ssize_t before = PyList_Size(search->found);
    while (in.at < in.end) {
        Field field;
        if (!next_field(&in, &field)) return UNUSUAL;
        if (field.number > 2) continue;
        if (field.type != LEN) return UNUSUAL;
        if (field.number == 1) { /* once, and before what it is the resource of */
            if (search->resource != NULL || PyList_Size(search->found) != before) return UNUSUAL;
            search->resource = bytes_of(&field.content);
            if (search->resource == NULL) return FAILED;
        } else {
            search->scope_at = field.length_at;
            int state = in_scope(search, field.content);
            if (state != OK) return state;
        }
    }
    return OK;
}

static int in_request(Search *search) {
    Cursor in = {search->body, search->body_end};
    while (in.at < in.end) {
        Field field;
        if (!next_field(&in, &field)) return UNUSUAL;
        if (field.number != 1) continue;
        if (field.type != LEN) return UNUSUAL;
        search->group_at = field.length_at;
        int state = in_group(search, field.content);
        Py_CLEAR(search->resource);
        if (state != OK) return state;
    }
    return OK;
}

PyDoc_STRVAR(find_doc,
             "find(body, prefix)\n--\n\nReturn (name, trace id, span id, parent's id, start, end, attributes, resource, whether it has events or links,\n"
             "where the lengths of its resource's group, its scope and itself stand, and where its content begins and ends) of each span whose\n"
             "name begins with the prefix; None where anything in the request is unusual.");

static PyObject *find(PyObject *module, PyObject *args) {
    const char *body, *prefix;
    Py_ssize_t size, prefix_size;
    if (!PyArg_ParseTuple(args, "y#y#:find", &body, &size, &prefix, &prefix_size)) return NULL;
    const uint8_t *start = (const uint8_t *)body, *wanted = (const uint8_t *)prefix;
    Search search = {.body = start, .body_end = start + size, .prefix = {wanted, wanted + prefix_size}, .found = PyList_New(0)};
    if (search.found == NULL) return NULL;
    int state = in_request(&search);
    if (state == OK) return search.found;
    Py_DECREF(search.found);
    if (state == FAILED) return NULL;
    Py_RETURN_NONE;
}

/* ---- splicing ---- */

typedef struct {
    Py_ssize_t at[3];    /* where the lengths of group, scope and span stand */
    uint64_t length[3];  /* their new lengths; of group and scope in the first edit of each */
    Py_ssize_t after[3]; /* where what they are the lengths of begins */
    Py_ssize_t old_end;  /* of the span */
    const char *content;
    Py_ssize_t size;
} Edit;

static Py_ssize_t width(uint64_t number) {
    Py_ssize_t bytes = 1;
    for (; number > 0x7F; number >>= 7) bytes++;
    return bytes;
}

static uint8_t *put_varint(uint8_t *out, uint64_t number) {
    for (; number > 0x7F; number >>= 7) *out++ = (uint8_t)(number | 0x80);
    *out++ = (uint8_t)number;
    return out;
}

static int read_length(const uint8_t *body, Py_ssize_t size, Edit *edit, int level) {
    if (edit->at[level] < 0 || edit->at[level] >= size) return UNUSUAL;
    Cursor in = {body + edit->at[level], body + size};
    if (!varint(&in, &edit->length[level]) || edit->length[level] > (uint64_t)(in.end - in.at)) return UNUSUAL;
    edit->after[level] = in.at - body;
    return OK;
}

static int read_edits(const uint8_t *body, Py_ssize_t size, PyObject *given, Edit *edits, Py_ssize_t count) {
    Py_ssize_t reached = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        Edit *edit = &edits[i];
        PyObject *row = PyList_GetItem(given, i); /* borrowed */
        if (row == NULL) return FAILED;
        if (!PyTuple_Check(row)) {
            PyErr_SetString(PyExc_TypeError, "an edit is a tuple");
            return FAILED;
        }
        if (!PyArg_ParseTuple(row, "nnny#", &edit->at[0], &edit->at[1], &edit->at[2], &edit->content, &edit->size)) return FAILED;
        for (int level = 0; level < 3; level++)
            if (!read_length(body, size, edit, level)) return UNUSUAL;
        edit->old_end = edit->after[2] + (Py_ssize_t)edit->length[2];
        int new_group = i == 0 || edit->at[0] != edits[i - 1].at[0], new_scope = new_group || edit->at[1] != edits[i - 1].at[1];
        if (edit->at[0] < (new_group ? reached : 0) || edit->at[1] < (new_scope ? edit->after[0] : 0) || edit->at[1] < (new_scope ? reached : 0) ||
            edit->at[2] < edit->after[1] || edit->at[2] < reached)
            return UNUSUAL; /* not in the order of the request, or not within one another */
        reached = edit->old_end;
    }
    return OK;
}

/* Set the new lengths of one level around edits [from, to), and return by how much everything there grows. */
static Py_ssize_t grow(Edit *edits, Py_ssize_t from, Py_ssize_t to, int level) {
    uint64_t *length = &edits[from].length[level];
    uint64_t old = *length;
    Py_ssize_t growth = 0, old_width = edits[from].after[level] - edits[from].at[level];
    if (level == 2) {
        *length = (uint64_t)edits[from].size;
    } else {
        for (Py_ssize_t first = from; first < to;) {
            Py_ssize_t next = first + 1;
            while (level == 0 && next < to && edits[next].at[1] == edits[first].at[1]) next++;
            growth += grow(edits, first, next, level + 1);
            first = next;
        }
        *length = (uint64_t)((Py_ssize_t)old + growth);
    }
    return (Py_ssize_t)*length - (Py_ssize_t)old + width(*length) - old_width;
}

static void write_out(uint8_t *out, const uint8_t *body, Py_ssize_t size, const Edit *edits, Py_ssize_t count) {
    Py_ssize_t copied = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        for (int level = 0; level < 3; level++) {
            int same = i > 0 && level < 2 && edits[i].at[0] == edits[i - 1].at[0] && (level == 0 || edits[i].at[1] == edits[i - 1].at[1]);
            if (same) continue; /* its length is written */
            memcpy(out, body + copied, edits[i].at[level] - copied);
            out = put_varint(out + (edits[i].at[level] - copied), edits[i].length[level]);
            copied = edits[i].after[level];
        }
        memcpy(out, edits[i].content, edits[i].size);
        out += edits[i].size;
        copied = edits[i].old_end;
    }
    memcpy(out, body + copied, size - copied);
}

static PyObject *spliced(const uint8_t *body, Py_ssize_t size, PyObject *given, Edit *edits, Py_ssize_t count) {
    int state = read_edits(body, size, given, edits, count);
    if (state == FAILED) return NULL;
    if (state == UNUSUAL) {
        PyErr_SetString(PyExc_ValueError, "edits are not of this request, or not in its order");
        return NULL;
    }
    Py_ssize_t total = size;
    for (Py_ssize_t first = 0; first < count;) {
        Py_ssize_t next = first + 1;
        while (next < count && edits[next].at[0] == edits[first].at[0]) next++;
        total += grow(edits, first, next, 0);
        first = next;
    }
    PyObject *result = PyBytes_FromStringAndSize(NULL, total);
    if (result != NULL) write_out((uint8_t *)PyBytes_AsString(result), body, size, edits, count);
    return result;
}

PyDoc_STRVAR(splice_doc,
             "splice(body, edits)\n--\n\nReturn the request with new content in some of its spans; an edit is (where the lengths of its group, its scope\n"
             "and itself stand, new content), in the order of the request. Raise ValueError where they are not of it.");

static PyObject *splice(PyObject *module, PyObject *args) {
    const char *body;
    Py_ssize_t size;
    PyObject *given;
    if (!PyArg_ParseTuple(args, "y#O:splice", &body, &size, &given)) return NULL;
    Py_ssize_t count = PyList_Size(given);
    if (count < 0) return NULL;
    Edit *edits = PyMem_Calloc(count ? count : 1, sizeof(Edit));
    if (edits == NULL) return PyErr_NoMemory();
    PyObject *result = spliced((const uint8_t *)body, size, given, edits, count);
    PyMem_Free(edits);
    return result;
}

/* ---- the module ---- */

static PyMethodDef methods[] = {
    {"find", find, METH_VARARGS, find_doc},
    {"splice", splice, METH_VARARGS, splice_doc},
    {NULL, NULL, 0, NULL},
};

enum { FORMAT = 1 }; /* of what find returns and splice takes: native.py knows one, and leaves a codec of another alone */

static int add_format(PyObject *module) { return PyModule_AddIntConstant(module, "FORMAT", FORMAT); }

static PyModuleDef_Slot slots[] = {{Py_mod_exec, add_format}, {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_native", .m_doc = "The native codec.", .m_size = 0, .m_methods = methods, .m_slots = slots,
};

PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&definition); }
